use super::*;

const LIMIT: usize = 4 << 20;

fn set(contents: &[(&str, &'static str)]) -> ResourceSet {
    contents
        .iter()
        .map(|(name, content)| EncodedResource::whole(*name, *content))
        .map(|r| (r.name.clone(), r))
        .collect()
}

#[test]
fn sessions_with_the_same_sets_share_the_step_and_its_bytes() {
    let memo = Memo::default();
    let (old, new) = (set(&[("a", "1"), ("b", "1")]), set(&[("a", "2"), ("c", "1")]));
    let first = memo.diff(TypeUrl::CLUSTER, &old, &new);
    let second = memo.diff(TypeUrl::CLUSTER, &old.clone(), &new.clone());
    assert!(Arc::ptr_eq(&first, &second));
    assert!(Arc::ptr_eq(&first.delta(true, LIMIT)[0].segments, &second.delta(true, LIMIT)[0].segments));
    assert!(!Arc::ptr_eq(&first, &memo.diff(TypeUrl::LISTENER, &old, &new)));
}

#[test]
fn a_step_without_removals_keeps_what_was_there() {
    let (old, new) = (set(&[("a", "1"), ("b", "1")]), set(&[("a", "2")]));
    let diff = Memo::default().diff(TypeUrl::CLUSTER, &old, &new);
    assert_eq!(diff.kept(), &set(&[("a", "2"), ("b", "1")]));
    assert_eq!(diff.delta(false, LIMIT)[0].gone.len(), 0);
    assert_eq!(diff.delta(true, LIMIT)[0].gone.len(), 1);
}

#[test]
fn another_form_of_the_same_content_is_no_change() {
    let old = set(&[("a", "1")]);
    let resource = old["a"].clone().with_elements(fairlead_resource::Elements {
        element_type: TypeUrl::VIRTUAL_HOST,
        parent: old["a"].clone(),
        children: ResourceSet::new(),
        in_second_epoch: None,
    });
    let new: ResourceSet = [(resource.name.clone(), resource)].into_iter().collect();
    let diff = Memo::default().diff(TypeUrl::ROUTE_CONFIGURATION, &old, &new);
    assert!(diff.carried().is_empty() && diff.removed().is_empty());
}

#[test]
fn what_is_remembered_is_bounded() {
    let memo = Memo::default();
    let sets: Vec<_> = (0..100).map(|i| set(&[("a", if i % 2 == 0 { "1" } else { "2" })])).collect();
    for pair in sets.windows(2) {
        memo.diff(TypeUrl::CLUSTER, &pair[0], &pair[1]);
    }
    assert_eq!(memo.steps.lock().unwrap().len(), CAPACITY);
}
