//! The requests of a client, encoded for either variant.

use bytes::{BufMut, Bytes, BytesMut};
use envoy_types::pb::{
    envoy::{
        config::core::v3::Node,
        service::discovery::v3::{DeltaDiscoveryRequest, DiscoveryRequest},
    },
    google::rpc::Status,
};
use prost::Message;

use super::{protocol::Protocol, wire::PREFIX_BYTES};

/// The code in the error of Envoy's NACKs.
const INTERNAL: i32 = 13;

/// A request with the fields of both variants; each sends its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) type_url: String,
    /// Delta.
    pub(super) subscribe: Vec<String>,
    pub(super) unsubscribe: Vec<String>,
    pub(super) initial_versions: Vec<(String, String)>,
    /// State of the world.
    pub(super) names: Vec<String>,
    pub(super) version: String,
    pub(super) last_nonce: String,
    /// The response that it answers, if any.
    pub(super) answer: Option<Answer>,
}

/// An ACK, or a NACK if there is an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) nonce: String,
    pub(super) error: Option<String>,
}

impl Request {
    /// The request as a gRPC message.
    pub(super) fn frame(self, protocol: Protocol, node: Option<Node>) -> Bytes {
        match protocol {
            Protocol::Delta => framed(&self.delta(node)),
            Protocol::Sotw => framed(&self.sotw(node)),
        }
    }

    fn delta(self, node: Option<Node>) -> DeltaDiscoveryRequest {
        let (nonce, error_detail) = answer(self.answer, String::new());
        DeltaDiscoveryRequest {
            node,
            type_url: self.type_url,
            resource_names_subscribe: self.subscribe,
            resource_names_unsubscribe: self.unsubscribe,
            initial_resource_versions: self.initial_versions.into_iter().collect(),
            response_nonce: nonce,
            error_detail,
            ..DeltaDiscoveryRequest::default()
        }
    }

    fn sotw(self, node: Option<Node>) -> DiscoveryRequest {
        let (nonce, error_detail) = answer(self.answer, self.last_nonce);
        DiscoveryRequest {
            node,
            type_url: self.type_url,
            resource_names: self.names,
            version_info: self.version,
            response_nonce: nonce,
            error_detail,
            ..DiscoveryRequest::default()
        }
    }
}

fn answer(answer: Option<Answer>, otherwise: String) -> (String, Option<Status>) {
    match answer {
        None => (otherwise, None),
        Some(Answer { nonce, error }) => {
            let status = error.map(|message| Status { code: INTERNAL, message, ..Status::default() });
            (nonce, status)
        }
    }
}

fn framed(message: &impl Message) -> Bytes {
    let size = message.encoded_len();
    let mut bytes = BytesMut::with_capacity(PREFIX_BYTES + size);
    bytes.put_u8(0);
    bytes.put_u32(u32::try_from(size).expect("a request has less than four gigabytes"));
    message.encode(&mut bytes).expect("the buffer grows");
    bytes.freeze()
}
