//! `Endpoints` (core/v1): the older form of `EndpointSlice`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{EndpointPort, ObjectReference};

/// An `Endpoints` object; its name is that of its Service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Endpoints {
    /// Addresses and the ports they share.
    pub subsets: Vec<EndpointSubset>,
}

/// Addresses and the ports they share.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct EndpointSubset {
    /// Addresses that are ready.
    pub addresses: Vec<EndpointAddress>,
    /// Addresses that are not ready.
    pub not_ready_addresses: Vec<EndpointAddress>,
    /// Ports of each address.
    pub ports: Vec<EndpointPort>,
}

/// An address of an endpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["ip"]))]
pub struct EndpointAddress {
    /// The address.
    pub ip: String,
    /// Host name of the endpoint.
    pub hostname: Option<String>,
    /// Node the endpoint runs on.
    pub node_name: Option<String>,
    /// Object behind the endpoint.
    pub target_ref: Option<ObjectReference>,
}
