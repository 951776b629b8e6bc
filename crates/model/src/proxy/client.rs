//! [`ClientAttributes`].

use fairlead_config::{LabelSet, Namespace};

/// The attributes of a client that routes may match on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientAttributes {
    /// The client's namespace, as it is seen (see [`super::SeenAs`]).
    pub namespace: Namespace,
    /// The labels of the client that some VirtualService matches in `sourceLabels`.
    pub labels: LabelSet,
}
