//! `/debug/syncz`: the connected proxies and whether each is in sync.

use axum::{Json, extract::State as Extract};
use fairlead_config as config;
use fairlead_resource::{TypeUrl, Types};
use fairlead_xds::{Protocol, Rejected, SyncState, TypeStatus, server::ConnectionStatus};
use serde::{Deserialize, Serialize};

use super::{
    proxies::full_name,
    state::{Problem, State},
};
use crate::{
    core::{Nacked, Objects},
    node::cluster_id,
    order::natural,
    origin::Origin,
    settings::MeshSettings,
};

/// One connected proxy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProxyStatus {
    /// The id of its node.
    pub proxy: String,
    /// The id of its Kubernetes cluster: `CLUSTER_ID` of its metadata, else that of the control plane.
    pub cluster: String,
    /// Envoy's own `--service-cluster`.
    pub service_cluster: String,
    /// The version of Envoy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub envoy_version: Option<String>,
    /// Its address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// `delta` or `sotw`.
    pub protocol: String,
    /// Seconds since it connected.
    pub connected_seconds: u64,
    /// The revision served to it.
    pub revision: u64,
    /// Responses sent.
    pub pushes: u64,
    /// Bytes sent.
    pub bytes: u64,
    /// Whether it has everything, and has said so. False while something is held back.
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
    /// Published resources that are held back because it has rejected them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub held_back: Vec<HeldBack>,
    /// Whether it has everything, and has said so. False while something is held back.
    pub synced: bool,
    /// The state of the type.
    pub state: TypeState,
}

/// The state of a type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TypeState {
    /// The proxy has everything, and has said so.
    Synced,
    /// The proxy asked for it, and nothing was sent.
    #[default]
    NotSent,
    /// An acknowledgement is awaited.
    Stale,
    /// The proxy has rejected something that is still published.
    Error,
}

/// A resource that a proxy has rejected; it keeps the last good version.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HeldBack {
    /// The name.
    pub resource: String,
    /// The version that was rejected.
    pub version: String,
    /// The objects from which it was made, as far as they are known.
    pub objects: Vec<String>,
    /// The fields of these objects.
    pub origins: Vec<Origin>,
    /// Envoy's error message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

pub(super) async fn syncz(Extract(state): Extract<State>) -> Result<Json<Vec<ProxyStatus>>, Problem> {
    let (nacked, objects) = state.core.inspect(|core| (core.nacked(), core.objects().clone())).await?;
    let status = |connection| proxy_status(connection, (&nacked, &objects), &state.settings.mesh);
    let mut proxies: Vec<_> = state.sessions.snapshot().iter().map(status).collect();
    let name = |proxy: &ProxyStatus| full_name(&proxy.proxy).to_owned();
    proxies.sort_by(|a, b| natural(&name(a), &name(b)).then_with(|| a.proxy.cmp(&b.proxy)));
    Ok(Json(proxies))
}

fn proxy_status(connection: &ConnectionStatus, known: Known<'_>, mesh: &MeshSettings) -> ProxyStatus {
    let types: Vec<_> = connection.types.iter().map(|status| type_sync(status, known)).collect();
    ProxyStatus {
        proxy: connection.node.id.clone(),
        cluster: cluster_id(&connection.node, mesh).to_owned(),
        service_cluster: connection.node.cluster.clone(),
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
        synced: types.iter().all(|status| status.synced),
        types,
    }
}

/// The contents that proxies have rejected, and all objects.
type Known<'a> = (&'a [Nacked], &'a Objects);

fn type_sync(status: &TypeStatus, (nacked, objects): Known<'_>) -> TypeSync {
    TypeSync {
        r#type: status.type_url.short().to_owned(),
        wildcard: status.wildcard,
        subscribed: status.names,
        sent: status.sent.map(|nonce| nonce.to_string()),
        version: status.sent_version.clone(),
        acked: status.acked.map(|nonce| nonce.to_string()),
        nack: status.last_nack.clone(),
        rejected: status.rejected,
        held_back: all_held_back(status, nacked, objects),
        synced: status.state() == SyncState::Synced,
        state: match status.state() {
            SyncState::Synced => TypeState::Synced,
            SyncState::NotSent => TypeState::NotSent,
            SyncState::Stale => TypeState::Stale,
            SyncState::Error => TypeState::Error,
        },
    }
}

/// The resources of one type that are held back.
pub(super) fn all_held_back(status: &TypeStatus, nacked: &[Nacked], objects: &Objects) -> Vec<HeldBack> {
    let rejected = status.held_back.iter();
    let mut all: Vec<_> =
        rejected.map(|rejected| held_back(status.type_url, rejected, (nacked, objects))).collect();
    all.sort_by(|a, b| natural(&a.resource, &b.resource));
    all
}

fn held_back(type_url: TypeUrl, rejected: &Rejected, (nacked, objects): Known<'_>) -> HeldBack {
    // A part of a resource is recorded under its own type.
    let of_type = |known: &&Nacked| {
        known.type_url == type_url || Types::envoy().parent(known.type_url) == Some(type_url)
    };
    let known = nacked.iter().filter(of_type).find(|known| known.resource == *rejected);
    let fields = known.map(Nacked::fields).unwrap_or_default();
    HeldBack {
        resource: rejected.name.to_string(),
        version: rejected.digest.to_string(),
        objects: fields.keys().map(ToString::to_string).collect(),
        origins: fields
            .into_iter()
            .map(|(object, field)| Origin::of(&config::Origin::new(object, field), objects))
            .collect(),
        message: known.map(|known| known.message.clone()),
    }
}
