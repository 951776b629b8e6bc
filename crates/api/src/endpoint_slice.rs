//! `EndpointSlice` (discovery.k8s.io/v1): endpoints of a Service.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Protocol;

/// Label of an `EndpointSlice` that names its Service.
pub const SERVICE_NAME_LABEL: &str = "kubernetes.io/service-name";

/// An `EndpointSlice`; its Service is named by the label [`SERVICE_NAME_LABEL`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["addressType"]))]
pub struct EndpointSlice {
    /// Type of the addresses.
    pub address_type: AddressType,
    /// The endpoints.
    pub endpoints: Vec<Endpoint>,
    /// Ports of each endpoint.
    pub ports: Vec<EndpointPort>,
}

/// The type of a slice's addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AddressType {
    /// IPv4 addresses.
    #[default]
    IPv4,
    /// IPv6 addresses.
    IPv6,
    /// Host names.
    #[serde(rename = "FQDN")]
    Fqdn,
}

/// An endpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Endpoint {
    /// Addresses, all of the same endpoint.
    pub addresses: Vec<String>,
    /// State of the endpoint.
    pub conditions: EndpointConditions,
    /// Object behind the endpoint.
    pub target_ref: Option<ObjectReference>,
    /// Node the endpoint runs on.
    pub node_name: Option<String>,
    /// Zone the endpoint runs in.
    pub zone: Option<String>,
    /// Host name of the endpoint.
    pub hostname: Option<String>,
}

/// State of an endpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct EndpointConditions {
    /// Serves and is not terminating; absent counts as true.
    pub ready: Option<bool>,
    /// Serves; absent counts as `ready`.
    pub serving: Option<bool>,
    /// Is terminating; absent counts as false.
    pub terminating: Option<bool>,
}

/// A port of an endpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct EndpointPort {
    /// Name of the Service's port.
    pub name: Option<String>,
    /// Protocol of the port.
    pub protocol: Protocol,
    /// Number of the port; absent means all ports.
    pub port: Option<u32>,
    /// Application protocol of the port.
    pub app_protocol: Option<String>,
}

/// A reference to an object.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ObjectReference {
    /// Kind of the object.
    pub kind: Option<String>,
    /// Namespace of the object.
    pub namespace: Option<String>,
    /// Name of the object.
    pub name: Option<String>,
}
