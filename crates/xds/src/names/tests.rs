use std::collections::BTreeSet;

use fairlead_resource::EncodedResource;
use proptest::prelude::*;

use super::*;

fn set(names: impl IntoIterator<Item = u16>) -> ResourceSet {
    names
        .into_iter()
        .map(|n| EncodedResource::whole(format!("n{n:03}"), vec![1]))
        .map(|r| (r.name.clone(), r))
        .collect()
}

fn name(n: u16) -> ResourceName {
    format!("n{n:03}").into()
}

#[test]
fn names_that_are_the_published_ones_are_shared() {
    let published = set(0..200);
    let mut names = Names::default();
    for n in 0..200 {
        assert!(names.insert(&name(n)));
    }
    names.share_with(&published);
    assert!(names.plus.is_empty() && names.minus.is_empty());
    assert!(names.cover(&published));
    assert_eq!(names.len(), 200);
}

#[test]
fn no_older_set_is_kept_for_its_names() {
    let mut names = Names::default();
    for n in 0..200 {
        names.insert(&name(n));
    }
    names.share_with(&set(0..200));
    let newer = set(100..300);
    names.share_with(&newer);
    assert!(names.base.ptr_eq(&newer));
    assert_eq!(names.len(), 200);
    assert!(names.named(&name(5)) && !names.named(&name(250)));
}

proptest! {
    #[test]
    fn sharing_does_not_change_what_is_named(
        ops in prop::collection::vec((0..4_u8, 0..300_u16), 1..400),
        sets in prop::collection::vec(prop::collection::btree_set(0..300_u16, 0..200), 3),
    ) {
        let sets: Vec<_> = sets.into_iter().map(set).collect();
        let mut names = Names::default();
        let mut model = BTreeSet::new();
        for (op, n) in ops {
            match op {
                0 => prop_assert_eq!(names.remove(&name(n)), model.remove(&n)),
                1 => names.share_with(&sets[usize::from(n) % 3]),
                _ => {
                    for k in n..n + 20 {
                        prop_assert_eq!(names.insert(&name(k)), model.insert(k));
                    }
                }
            }
            prop_assert_eq!(names.len(), model.len());
        }
        let listed: BTreeSet<_> = names.iter().cloned().collect();
        prop_assert_eq!(listed, model.iter().map(|n| name(*n)).collect::<BTreeSet<_>>());
        for n in 0..320 {
            prop_assert_eq!(names.named(&name(n)), model.contains(&n));
        }
    }
}
