use super::*;
use crate::EncodedResource;

fn set() -> SharedSet {
    let resource = EncodedResource::whole("a", "1");
    ResourceSet::unit(resource.name.clone(), resource).into()
}

#[test]
fn what_is_derived_is_derived_once() {
    let set = set();
    let first = set.derived(ResourceSet::len);
    assert!(Arc::ptr_eq(&first, &set.derived(|_| unreachable!("it is kept"))));
}

#[test]
fn a_second_type_is_derived_for_itself() {
    let set = set();
    set.derived(ResourceSet::len);
    assert_eq!(*set.derived(|resources| resources.keys().next().cloned()), Some("a".into()));
}

#[test]
fn what_is_derived_is_not_compared() {
    let (derived, fresh) = (set(), set());
    derived.derived(ResourceSet::len);
    assert_eq!(derived, fresh);
}
