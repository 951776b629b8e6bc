use super::*;

#[test]
fn a_value_is_counted_at_the_first_bound_that_it_does_not_exceed() {
    let distribution = Distribution::new(&[1, 10, 100]);
    for value in [0, 1, 2, 10, 11, 100, 101, 5_000] {
        distribution.add(value);
    }
    assert_eq!(distribution.counts(), [(Some(1), 2), (Some(10), 2), (Some(100), 2), (None, 2)]);
    assert_eq!(distribution.sum(), 5_225);
}

#[test]
fn types_are_counted_apart() {
    let (sizes, times) = (Sizes::new(Types::envoy()), Times::new(Types::envoy()));
    sizes.add(TypeUrl::CLUSTER, 20_000);
    times.add(TypeUrl::CLUSTER, Duration::from_millis(2));
    assert_eq!((sizes.get(TypeUrl::CLUSTER).sum(), sizes.get(TypeUrl::LISTENER).sum()), (20_000, 0));
    assert_eq!((times.get(TypeUrl::CLUSTER).sum(), times.get(TypeUrl::SECRET).sum()), (2_000, 0));
    assert!(times.get(TypeUrl::CLUSTER).counts().contains(&(Some(2_500), 1)));
}
