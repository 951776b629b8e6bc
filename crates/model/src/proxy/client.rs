//! A client, as routes may ask about it.

use fairlead_config::{LabelSet, Namespace};

/// What a route's match may ask about the client.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientAttributes {
    /// The client's namespace, as it is seen (see [`super::SeenAs`]).
    pub namespace: Namespace,
    /// Those of the client's labels that some VirtualService asks for in `sourceLabels`.
    pub labels: LabelSet,
}
