use std::collections::BTreeSet;

use super::*;

fn mesh() -> MeshSpec {
    MeshSpec {
        namespaces: 3,
        services: 7,
        endpoints_per_service: 4,
        pods: true,
        service_entries: 2,
        virtual_services: 3,
        destination_rules: 5,
        ..MeshSpec::EMPTY
    }
}

fn documents(yaml: &str) -> Vec<serde_json::Value> {
    yaml.split("---\n").map(|document| serde_saphyr::from_str(document).unwrap()).collect()
}

#[test]
fn the_numbers_are_those_asked_for() {
    let documents = documents(&mesh().yaml());
    let count = |kind: &str| documents.iter().filter(|d| d["kind"] == kind).count();
    let kinds =
        ["Namespace", "Service", "EndpointSlice", "Pod", "ServiceEntry", "VirtualService", "DestinationRule"];
    assert_eq!(kinds.map(count), [3, 7, 7, 28, 2, 3, 5]);
    assert_eq!(documents.len(), 55);
}

#[test]
fn the_same_numbers_give_the_same_text() {
    assert_eq!(mesh().files(), mesh().files());
    let names: BTreeSet<_> = mesh().files().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), mesh().files().len());
}

#[test]
fn no_two_endpoints_share_an_address() {
    let documents = documents(&mesh().yaml());
    let slices = documents.iter().filter(|d| d["kind"] == "EndpointSlice");
    let addresses: Vec<_> = slices
        .flat_map(|d| d["endpoints"].as_array().unwrap())
        .map(|endpoint| endpoint["addresses"][0].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(addresses.len(), 28);
    assert_eq!(addresses.iter().collect::<BTreeSet<_>>().len(), 28);
}

#[test]
fn a_scaled_service_keeps_the_endpoints_that_it_had() {
    let mesh = mesh();
    let four = documents(&mesh.endpoints(1))[0]["endpoints"].clone();
    let five = documents(&mesh.endpoints_with(1, 5))[0]["endpoints"].clone();
    assert_eq!(five.as_array().unwrap()[..4], four.as_array().unwrap()[..]);
    assert_eq!(documents(&mesh.endpoints_with(1, 0))[0]["endpoints"], serde_json::json!([]));
}

#[test]
fn weights_add_up_and_name_the_subsets_of_the_rule() {
    let mesh = mesh();
    let route = &documents(&mesh.virtual_service(2, 35))[0]["spec"]["http"][0]["route"];
    assert_eq!((&route[0]["weight"], &route[1]["weight"]), (&35.into(), &65.into()));
    let rule = &documents(&mesh.destination_rule(2, 7))[0]["spec"];
    assert_eq!(rule["host"], "svc-2.ns-2.svc.cluster.local");
    assert_eq!(rule["subsets"][1]["name"], route[1]["destination"]["subset"]);
}

#[test]
fn a_sidecar_sees_its_own_services_first_and_no_more_than_it_may() {
    let mesh = MeshSpec { sidecar_services: 4, ..mesh() };
    let hosts = documents(&mesh.sidecar(1))[0]["spec"]["egress"][0]["hosts"].clone();
    let host = |i: usize| format!("{}/{}", mesh.namespace_of(i), mesh.host(i));
    assert_eq!(hosts, serde_json::json!([host(1), host(4), host(2), host(5)]));
    assert_eq!(documents(&mesh.yaml()).iter().filter(|d| d["kind"] == "Sidecar").count(), 3);
}

#[test]
fn workload_entries_stand_in_for_inline_endpoints() {
    let mesh = MeshSpec { workload_entries_per_service_entry: 3, ..mesh() };
    let documents = documents(&mesh.yaml());
    let entries = || documents.iter().filter(|d| d["kind"] == "WorkloadEntry");
    assert_eq!(entries().count(), 6);
    let addresses: BTreeSet<_> = entries().map(|d| d["spec"]["address"].to_string()).collect();
    assert_eq!(addresses.len(), 6);
    let entry = documents.iter().find(|d| d["kind"] == "ServiceEntry").unwrap();
    assert_eq!(
        entry["spec"]["workloadSelector"]["labels"],
        entries().next().unwrap()["spec"]["labels"]
            .as_object()
            .map(|l| serde_json::json!({"app": l["app"]}))
            .unwrap()
    );
    assert!(entry["spec"].get("endpoints").is_none());
}

#[test]
fn each_server_of_a_gateway_has_a_host_and_a_certificate_for_it() {
    let mesh = MeshSpec { gateway_servers: 5, ..mesh() };
    let gateway = |changed| documents(&mesh.gateway(changed)).pop().unwrap()["spec"]["servers"].clone();
    let (before, after) = (gateway(None), gateway(Some(3)));
    let differ = |i: &usize| before[*i] != after[*i];
    assert_eq!((0..5).filter(differ).collect::<Vec<_>>(), [3]);
    let secrets = mesh.gateway_secrets().unwrap();
    let secrets: Vec<serde_json::Value> =
        secrets.split("---\n").skip(1).map(|document| serde_saphyr::from_str(document).unwrap()).collect();
    assert_eq!(secrets.len(), 5);
    for (i, secret) in secrets.iter().enumerate() {
        assert_eq!(before[i]["tls"]["credentialName"], secret["metadata"]["name"]);
        assert!(
            secret["stringData"]["tls.crt"].as_str().unwrap().starts_with("-----BEGIN CERTIFICATE-----\n")
        );
    }
    let certificates: BTreeSet<_> = secrets.iter().map(|s| s["stringData"]["tls.crt"].to_string()).collect();
    assert_eq!(certificates.len(), 5);
}
