//! The record of what a server has read.

use std::{collections::BTreeMap, time::Instant};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// What an [`App`](super::App) answers, as JSON, unless a script says otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Echo {
    /// The service that the server plays.
    pub service: String,
    /// The version of the service.
    pub version: String,
    /// The method of the request.
    pub method: String,
    /// The path of the request, with the query.
    pub path: String,
    /// The authority (`Host`) of the request.
    pub authority: String,
    /// `HTTP/1.1` or `HTTP/2.0`.
    pub protocol: String,
    /// The peer of the connection.
    pub peer: String,
    /// The headers by lower-case name; several values of one name are joined with a comma.
    pub headers: BTreeMap<String, String>,
}

/// One request that an [`App`](super::App) has received.
#[derive(Clone, Debug)]
pub struct RequestRecord {
    /// When its body was complete.
    pub at: Instant,
    /// What the server read.
    pub echo: Echo,
    /// The body.
    pub body: Bytes,
    /// The TLS session, if there is one.
    pub session: Option<TlsSession>,
}

/// What a TLS server learnt from a handshake.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsSession {
    /// The server name that the client sent.
    pub sni: Option<String>,
    /// The protocol that was agreed.
    pub alpn: Option<String>,
    /// The client's certificate (DER), if it sent one.
    pub client_certificate: Option<Vec<u8>>,
}

impl TlsSession {
    /// Whether the client's certificate carries `name`, such as a SPIFFE id, in clear.
    pub fn client_is(&self, name: &str) -> bool {
        let certificate = self.client_certificate.as_deref().unwrap_or_default();
        certificate.windows(name.len()).any(|window| window == name.as_bytes())
    }
}
