//! CSDS, the client status discovery service: who is connected, and how far each client is.
//!
//! The names of clients are not for everybody on the network, so only peers on this machine are answered unless
//! [`ServerOptions::client_status_beyond_loopback`](super::ServerOptions) says otherwise. Answers never contain
//! resources, the error message for a rejected secret, or the metadata of nodes.

mod matcher;

use std::{pin::Pin, time::Duration};

use envoy_types::pb::envoy::{
    admin::v3::{ClientResourceStatus, UpdateFailureState},
    config::core::v3::{self as core, node::UserAgentVersionType},
    service::status::v3::{
        ClientConfig, ClientStatusRequest, ClientStatusResponse, ConfigStatus,
        client_config::GenericXdsConfig,
        client_status_discovery_service_server::{
            ClientStatusDiscoveryService, ClientStatusDiscoveryServiceServer,
        },
    },
    r#type::v3::SemanticVersion,
};
use fairlead_resource::TypeUrl;
use futures_util::{Stream, stream};
use tokio_util::sync::CancellationToken;
use tonic::{Extensions, Request, Response, Status, Streaming};

use super::{
    greeted::Greeted,
    io::ConnectionInfo,
    options::ServerOptions,
    registry::{ConnectionStatus, Sessions},
};
use crate::{Node, SyncState, TypeStatus};

/// Maximum size in bytes of a request, which has only node matchers.
const REQUEST_BYTES: usize = 64 << 10;

/// Time without a request after which a stream is ended.
const SILENCE: Duration = Duration::from_secs(300);

/// The service.
#[derive(Clone)]
pub(super) struct ClientStatus {
    sessions: Sessions,
    beyond_loopback: bool,
    greeting_timeout: Duration,
    draining: CancellationToken,
}

impl ClientStatus {
    pub(super) fn service(
        sessions: Sessions,
        options: &ServerOptions,
        draining: CancellationToken,
    ) -> ClientStatusDiscoveryServiceServer<Self> {
        ClientStatusDiscoveryServiceServer::new(Self {
            sessions,
            beyond_loopback: options.client_status_beyond_loopback,
            greeting_timeout: options.greeting_timeout,
            draining,
        })
        .max_decoding_message_size(REQUEST_BYTES)
    }

    fn admit(&self, extensions: &Extensions) -> Result<(), Status> {
        let peer = extensions.get::<ConnectionInfo>().map(|info| info.address.ip().to_canonical());
        if self.beyond_loopback || peer.is_some_and(|address| address.is_loopback()) {
            return Ok(());
        }
        Err(Status::permission_denied("client status is told to this machine only"))
    }

    async fn next(
        &self,
        requests: &mut Greeted<ClientStatusRequest>,
    ) -> Result<Option<ClientStatusRequest>, Status> {
        tokio::select! {
            request = requests.next() => request,
            () = self.draining.cancelled() => {
                Err(Status::unavailable("the control plane is shutting down"))
            }
        }
    }

    fn answer(&self, request: &ClientStatusRequest) -> Result<ClientStatusResponse, Status> {
        let mut config = Vec::new();
        // An unusable matcher is an error even if nobody is connected.
        matcher::check(&request.node_matchers)?;
        for connection in self.sessions.snapshot() {
            if matcher::matches(&request.node_matchers, &connection.node) {
                config.push(client_config(&connection));
            }
        }
        Ok(ClientStatusResponse { config })
    }
}

#[tonic::async_trait]
impl ClientStatusDiscoveryService for ClientStatus {
    type StreamClientStatusStream = Pin<Box<dyn Stream<Item = Result<ClientStatusResponse, Status>> + Send>>;

    async fn stream_client_status(
        &self,
        request: Request<Streaming<ClientStatusRequest>>,
    ) -> Result<Response<Self::StreamClientStatusStream>, Status> {
        self.admit(request.extensions())?;
        let requests = Greeted::new(request.into_inner(), self.greeting_timeout, SILENCE);
        let asked = Some((self.clone(), requests));
        let answers = stream::unfold(asked, |asked| async {
            let (service, mut requests) = asked?;
            match service.next(&mut requests).await {
                Ok(Some(request)) => Some((service.answer(&request), Some((service, requests)))),
                Ok(None) => None,
                Err(status) => Some((Err(status), None)),
            }
        });
        Ok(Response::new(Box::pin(answers)))
    }

    async fn fetch_client_status(
        &self,
        request: Request<ClientStatusRequest>,
    ) -> Result<Response<ClientStatusResponse>, Status> {
        self.admit(request.extensions())?;
        self.answer(request.get_ref()).map(Response::new)
    }
}

fn client_config(connection: &ConnectionStatus) -> ClientConfig {
    ClientConfig {
        node: Some(node(&connection.node)),
        generic_xds_configs: connection.types.iter().map(type_config).collect(),
        ..ClientConfig::default()
    }
}

fn node(node: &Node) -> core::Node {
    let version = node.user_agent_version.map(|version| {
        UserAgentVersionType::UserAgentBuildVersion(core::BuildVersion {
            version: Some(SemanticVersion {
                major_number: version.major,
                minor_number: version.minor,
                patch: version.patch,
            }),
            ..core::BuildVersion::default()
        })
    });
    core::Node {
        id: node.id.clone(),
        cluster: node.cluster.clone(),
        locality: Some(core::Locality {
            region: node.locality.region.clone(),
            zone: node.locality.zone.clone(),
            sub_zone: node.locality.sub_zone.clone(),
        }),
        user_agent_name: node.user_agent_name.clone(),
        user_agent_version_type: version,
        ..core::Node::default()
    }
}

/// One type of a client, as a whole: the control plane's own dump has the single resources.
fn type_config(status: &TypeStatus) -> GenericXdsConfig {
    let (config_status, client_status) = match status.state() {
        SyncState::Synced => (ConfigStatus::Synced, ClientResourceStatus::Acked),
        SyncState::Error => (ConfigStatus::Error, ClientResourceStatus::Nacked),
        SyncState::NotSent => (ConfigStatus::NotSent, ClientResourceStatus::Requested),
        SyncState::Stale => (ConfigStatus::Stale, ClientResourceStatus::Requested),
    };
    let error_state = status.last_nack.as_ref().map(|message| UpdateFailureState {
        details: match status.type_url {
            TypeUrl::SECRET => "a secret was rejected".to_owned(),
            _ => message.clone(),
        },
        ..UpdateFailureState::default()
    });
    GenericXdsConfig {
        type_url: status.type_url.as_str().to_owned(),
        version_info: status.sent_version.clone().unwrap_or_default(),
        config_status: config_status.into(),
        client_status: client_status.into(),
        error_state,
        ..GenericXdsConfig::default()
    }
}
