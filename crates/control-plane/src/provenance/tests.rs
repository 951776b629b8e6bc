use fairlead_config::{ConfigKey, Kind};
use serde_json::json;

use super::{object_at, of_json};

#[test]
fn paths_of_either_form_name_their_object() {
    let at = |path| object_at(path).map(|key| key.to_string());
    assert_eq!(
        at("/apis/networking.istio.io/v1/namespaces/shop/virtual-service/cart").as_deref(),
        Some("VirtualService shop/cart")
    );
    assert_eq!(
        at("/apis/networking.istio.io/v1alpha3/namespaces/shop/destination-rule/cart").as_deref(),
        Some("DestinationRule shop/cart")
    );
    assert_eq!(at("/api/v1/namespaces/shop/services/cart").as_deref(), Some("Service shop/cart"));
    assert_eq!(
        at("/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices/cart-x").as_deref(),
        Some("EndpointSlice shop/cart-x")
    );
    assert_eq!(at("/apis/example.com/v1/namespaces/shop/gateway/edge"), None, "a Gateway of another group");
    assert_eq!(at("/apis/example.com/v1/namespaces/shop/unheard-of/cart"), None);
    assert_eq!(at("cart"), None);
}

#[test]
fn every_object_in_a_resource_is_found_once() {
    let config = |kind: &str, name: &str| {
        json!({ "filter_metadata": { "istio": {
            "config": format!("/apis/networking.istio.io/v1/namespaces/shop/{kind}/{name}"),
        } } })
    };
    let table = json!({
        "virtual_hosts": [
            { "routes": [
                { "metadata": config("virtual-service", "a") },
                { "metadata": config("virtual-service", "a") },
                { "metadata": config("virtual-service", "b") },
            ] },
        ],
    });
    let names: Vec<_> = of_json(&table).into_iter().map(|key| key.name.to_string()).collect();
    assert_eq!(names, ["a", "b"]);
}

#[test]
fn a_service_may_be_of_either_kind() {
    let services = json!([{ "host": "cart.shop.svc", "namespace": "shop", "name": "cart" }]);
    let cluster = json!({ "metadata": { "filter_metadata": { "istio": { "services": services } } } });
    let expected =
        [ConfigKey::new(Kind::ServiceEntry, "shop", "cart"), ConfigKey::new(Kind::Service, "shop", "cart")];
    assert!(of_json(&cluster).into_iter().eq(expected));
}
