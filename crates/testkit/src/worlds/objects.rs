//! Objects of all kinds, each with fields drawn at random.

use serde_json::{Value, json};

use super::{
    edges,
    pen::{Pen, fields},
    policies, routes, services, settings,
};

/// The kinds that are drawn, each as often as it stands here.
const KINDS: &[(&str, &str, Draw)] = &[
    ("v1", "Service", services::service),
    ("v1", "Service", services::service),
    ("networking.istio.io/v1", "ServiceEntry", services::service_entry),
    ("networking.istio.io/v1", "ServiceEntry", services::service_entry),
    ("networking.istio.io/v1", "ServiceEntry", services::service_entry),
    ("networking.istio.io/v1", "VirtualService", routes::virtual_service),
    ("networking.istio.io/v1", "VirtualService", routes::virtual_service),
    ("networking.istio.io/v1", "VirtualService", routes::virtual_service),
    ("networking.istio.io/v1", "VirtualService", routes::virtual_service),
    ("networking.istio.io/v1", "DestinationRule", policies::destination_rule),
    ("networking.istio.io/v1", "DestinationRule", policies::destination_rule),
    ("networking.istio.io/v1", "DestinationRule", policies::destination_rule),
    ("networking.istio.io/v1", "Gateway", edges::gateway),
    ("networking.istio.io/v1", "Gateway", edges::gateway),
    ("networking.istio.io/v1", "Gateway", edges::gateway),
    ("networking.istio.io/v1", "Sidecar", edges::sidecar),
    ("networking.istio.io/v1", "Sidecar", edges::sidecar),
    ("networking.istio.io/v1", "WorkloadEntry", services::workload_entry),
    ("discovery.k8s.io/v1", "EndpointSlice", services::endpoint_slice),
    ("v1", "Endpoints", services::endpoints),
    ("v1", "Pod", services::pod),
    ("v1", "Node", services::node),
    ("v1", "Namespace", services::namespace),
    ("v1", "Secret", settings::secret),
    ("v1", "ConfigMap", settings::mesh_config),
];

type Draw = fn(&mut Pen) -> Value;

/// How many kinds there are.
pub fn kinds() -> usize {
    KINDS.iter().map(|(_, kind, _)| kind).collect::<std::collections::BTreeSet<_>>().len()
}

/// An object of any kind. Names repeat, so that objects of a world replace and refer to each other.
pub fn object(pen: &mut Pen) -> Value {
    let (version, kind, draw) = pen.pick(KINDS);
    let mut object = draw(pen);
    object["apiVersion"] = version.into();
    object["kind"] = kind.into();
    let mut metadata = metadata(pen, kind);
    for (key, value) in object["metadata"].as_object().into_iter().flatten() {
        metadata[key] = value.clone();
    }
    object["metadata"] = metadata;
    object
}

fn metadata(pen: &mut Pen, kind: &str) -> Value {
    let namespace = pen.pick(&["alphans", "zetans", "zetans", "istio-system"]);
    let name = pen.pick(&["a", "b", "c", "web", "x.y"]);
    let created = pen.pick(&["2024-01-01T00:00:00Z", "2025-01-01T00:00:00Z"]);
    let mut metadata = fields!(pen, {
        "labels" 40: pen.labels(),
        "creationTimestamp" 40: created,
    });
    match kind {
        "ConfigMap" => {
            metadata["namespace"] = "istio-system".into();
            metadata["name"] = "istio".into();
            return metadata;
        }
        "Node" | "Namespace" => {
            let name = if kind == "Node" { "n1" } else { pen.pick(&["alphans", "zetans"]) };
            metadata["name"] = name.into();
            return metadata;
        }
        "Service" | "Endpoints" => metadata["name"] = pen.pick(&["a", "b", "c"]).into(),
        "EndpointSlice" => {
            metadata["labels"] = json!({"kubernetes.io/service-name": pen.pick(&["a", "b", "c"])});
            metadata["name"] = name.into();
        }
        "Secret" => {
            let names = ["web", "web-cacert", "web-cacert", "foo", "foo-cacert", "foo-cacert-cacert"];
            metadata["name"] = pen.pick(&names).into();
        }
        _ => metadata["name"] = name.into(),
    }
    metadata["namespace"] = namespace.into();
    if kind == "Service" && pen.often(15) {
        metadata["annotations"] = fields!(pen, {
            "networking.istio.io/exportTo" 50: pen.pick(&["*", ".", "~", "alphans,zetans", ""]),
            "networking.istio.io/traffic-distribution" 50: pen.pick(&["PreferClose", "any", ""]),
        });
    }
    metadata
}
