use super::*;
use crate::testing::only_object;

fn entry(metadata: &str, spec: &str) -> Workload {
    let yaml = format!(
        "apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\n\
         metadata: {{name: vm-1, namespace: shop, {metadata}}}\nspec: {{{spec}}}\n"
    );
    resolve(&only_object!(WorkloadEntry, &yaml))
}

#[test]
fn all_fields_are_read() {
    let found = entry(
        "",
        "address: 192.168.0.7, ports: {http: 8080}, labels: {app: cart}, network: net-1, locality: eu/eu-1/r7, \
         weight: 5, serviceAccount: vm-sa",
    );
    let expected = Workload {
        origin: ConfigKey::new(fairlead_config::Kind::WorkloadEntry, "shop", "vm-1"),
        addresses: vec![EndpointAddress::Ip("192.168.0.7".parse().unwrap())],
        labels: [("app", "cart")].into_iter().collect(),
        locality: Locality { region: "eu".into(), zone: "eu-1".into(), subzone: "r7".into() },
        network: "net-1".into(),
        ports: [("http".into(), 8080)].into(),
        weight: 5,
        health: Health::Healthy,
        node: None,
        service_account: Some("vm-sa".into()),
    };
    assert_eq!(found, expected);
}

#[test]
fn labels_of_the_metadata_win_over_those_of_the_spec() {
    let found = entry("labels: {app: new, tier: web}", "address: 1.1.1.1, labels: {app: old, version: v1}");
    let expected = [("app", "new"), ("tier", "web"), ("version", "v1")];
    assert_eq!(found.labels, expected.into_iter().collect());
}

#[test]
fn network_and_locality_may_come_from_labels() {
    let labels = "labels: {topology.istio.io/network: net-2, istio-locality: eu.eu-1}";
    let found = entry("", &format!("address: 1.1.1.1, {labels}"));
    assert_eq!((&*found.network, &*found.locality.zone, &*found.locality.subzone), ("net-2", "eu-1", ""));
    let found = entry("", &format!("address: 1.1.1.1, network: net-1, locality: us, {labels}"));
    assert_eq!((&*found.network, &*found.locality.region, &*found.locality.zone), ("net-1", "us", ""));
}

#[test]
fn addresses_are_ips_names_and_sockets() {
    let check = |text, expected| assert_eq!(address(text), expected, "{text}");
    check("10.0.0.1", Some(EndpointAddress::Ip("10.0.0.1".parse().unwrap())));
    check("fd00::1", Some(EndpointAddress::Ip("fd00::1".parse().unwrap())));
    check("VM.Example.com", Some(EndpointAddress::Dns(Host::new("vm.example.com"))));
    check("unix:///run/app.sock", Some(EndpointAddress::Unix("/run/app.sock".into())));
    check("unix://", None);
    check("", None);
}

#[test]
fn weight_is_at_least_one() {
    assert_eq!(entry("", "address: 1.1.1.1, weight: 0").weight, 1);
    assert_eq!(entry("", "address: 1.1.1.1").weight, 1);
}
