//! The clients that the HTTP routes of a route set apply to.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    client::{ClientMatch, HttpClient},
    set::HttpRoute,
};

/// The clients that at least one HTTP route of a route set applies to.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpClients {
    /// One of these must hold; `None`: every client.
    any_of: Option<Arc<[ClientMatch]>>,
}

impl HttpClients {
    /// The clients that `routes` apply to.
    pub fn of(routes: &[HttpRoute]) -> Self {
        let everybody = ClientMatch::default();
        if routes.iter().any(|r| r.matches.is_empty() || r.matches.iter().any(|m| m.client == everybody)) {
            return Self::all();
        }
        let any_of: BTreeSet<&ClientMatch> =
            routes.iter().flat_map(|route| &route.matches).map(|condition| &condition.client).collect();
        Self { any_of: Some(any_of.into_iter().cloned().collect()) }
    }

    /// Every client.
    pub fn all() -> Self {
        Self { any_of: None }
    }

    /// Whether it includes every client.
    pub fn are_all(&self) -> bool {
        self.any_of.is_none()
    }

    /// Whether a client is one of them.
    pub fn include(&self, client: &HttpClient<'_>) -> bool {
        self.any_of.as_ref().is_none_or(|any_of| any_of.iter().any(|condition| condition.includes(client)))
    }
}
