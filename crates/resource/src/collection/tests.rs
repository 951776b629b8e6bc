use super::*;

const CLUSTER: &str = "outbound|80||a.b.svc.cluster.local";

#[test]
fn names_of_endpoints_lead_to_their_collections() {
    let collection = Collection::new(Epoch::First, CLUSTER, 12);
    assert_eq!(Collection::of_glob(&collection.glob()), Some(collection.clone()));
    let name = format!("{}/10.0.0.1:80", collection.prefix());
    assert_eq!(Collection::prefix_of(&name), Some(collection.prefix()));
    let second = collection.in_epoch(Epoch::Second);
    assert_eq!(second, Collection::new(Epoch::Second, CLUSTER, 12));
    let other = endpoint_in(&name, Epoch::Second).unwrap();
    assert_eq!(*other, format!("{}/10.0.0.1:80", second.prefix()));
    assert_eq!(Collection::of_endpoint(&other), Some(second));
    assert_eq!(endpoint_in(&other, Epoch::First).as_deref(), Some(&*name));
    for name in ["", "/*", "*", "xdstp:///envoy.config.endpoint.v3.LbEndpoint/c/x/0/*", "80/x"] {
        assert_eq!((Collection::of_glob(name), endpoint_in(name, Epoch::First)), (None, None), "{name}");
    }
}
