use std::collections::BTreeSet;

use super::Kind;

#[test]
fn no_two_kinds_are_called_or_served_alike() {
    let count = |texts: BTreeSet<(&str, &str)>| texts.len();
    assert_eq!(count(Kind::ALL.iter().map(|kind| (kind.group(), kind.name())).collect()), Kind::ALL.len());
    assert_eq!(count(Kind::ALL.iter().map(|kind| (kind.group(), kind.plural())).collect()), Kind::ALL.len());
    assert_eq!(count(Kind::ALL.iter().map(|kind| ("", kind.as_str())).collect()), Kind::ALL.len());
}
