//! The difference of two resource sets.

use fairlead_resource::{EncodedResource, ResourceSet};
use imbl::ordmap::DiffItem;

/// One difference between an older and a newer set.
pub(crate) enum Change<'a> {
    /// Added, or changed in content or form.
    Set { old: Option<&'a EncodedResource>, new: &'a EncodedResource },
    /// No longer there.
    Gone(&'a EncodedResource),
}

/// The differences in order of name. Parts that the sets share are skipped.
pub(crate) fn changes<'a>(
    old: &'a ResourceSet,
    new: &'a ResourceSet,
) -> impl Iterator<Item = Change<'a>> + use<'a> {
    old.diff(new).map(|item| match item {
        DiffItem::Add(_, new) => Change::Set { old: None, new },
        DiffItem::Update { old: (_, old), new: (_, new) } => Change::Set { old: Some(old), new },
        DiffItem::Remove(_, old) => Change::Gone(old),
    })
}
