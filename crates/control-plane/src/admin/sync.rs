//! `/debug/syncz`: the connected proxies and how far each is.

use axum::{Json, extract::State as Extract};
use fairlead_xds::{Protocol, TypeStatus, server::ConnectionStatus};
use serde::{Deserialize, Serialize};

use super::State;

/// One connected proxy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProxyStatus {
    /// The id of its node.
    pub proxy: String,
    /// Its cluster, as it says.
    pub cluster: String,
    /// The version of Envoy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub envoy_version: Option<String>,
    /// Where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// `delta` or `sotw`.
    pub protocol: String,
    /// Seconds since it connected.
    pub connected_seconds: u64,
    /// The revision that it is served.
    pub revision: u64,
    /// Responses sent.
    pub pushes: u64,
    /// Bytes sent.
    pub bytes: u64,
    /// Whether it has everything, and has said so.
    pub synced: bool,
    /// The types that it asked for.
    pub types: Vec<TypeSync>,
}

/// One type of a proxy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TypeSync {
    /// The type in its short form, `CDS`.
    pub r#type: String,
    /// Whether it asked for all resources.
    pub wildcard: bool,
    /// How many names it asked for.
    pub subscribed: usize,
    /// The nonce of the last response sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent: Option<String>,
    /// The version of the last response sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The nonce of the last response accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acked: Option<String>,
    /// The message of the last rejection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nack: Option<String>,
    /// How many contents it has rejected.
    pub rejected: usize,
    /// Whether it has everything, and has said so.
    pub synced: bool,
}

pub(super) async fn syncz(Extract(state): Extract<State>) -> Json<Vec<ProxyStatus>> {
    let mut proxies: Vec<_> = state.sessions.snapshot().iter().map(proxy_status).collect();
    proxies.sort_by(|a, b| a.proxy.cmp(&b.proxy));
    Json(proxies)
}

fn proxy_status(connection: &ConnectionStatus) -> ProxyStatus {
    ProxyStatus {
        proxy: connection.node.id.clone(),
        cluster: connection.node.cluster.clone(),
        envoy_version: connection
            .node
            .user_agent_version
            .map(|v| format!("{}.{}.{}", v.major, v.minor, v.patch)),
        address: connection.peer.address.map(|address| address.to_string()),
        protocol: match connection.protocol {
            Protocol::Delta => "delta",
            Protocol::StateOfTheWorld => "sotw",
        }
        .to_owned(),
        connected_seconds: connection.since.elapsed().as_secs(),
        revision: connection.revision,
        pushes: connection.pushes,
        bytes: connection.bytes,
        synced: connection.types.iter().all(|status| status.in_sync),
        types: connection.types.iter().map(type_sync).collect(),
    }
}

fn type_sync(status: &TypeStatus) -> TypeSync {
    TypeSync {
        r#type: status.type_url.short().to_owned(),
        wildcard: status.wildcard,
        subscribed: status.names,
        sent: status.sent.map(|nonce| nonce.to_string()),
        version: status.sent_version.clone(),
        acked: status.acked.map(|nonce| nonce.to_string()),
        nack: status.last_nack.clone(),
        rejected: status.rejected,
        synced: status.in_sync,
    }
}
