//! State shared by a server and its connections.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{record::RequestRecord, script::Script};

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) service: String,
    pub(super) version: String,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    /// By path prefix; the longest match wins.
    pub(super) scripts: BTreeMap<String, Script>,
    pub(super) requests: Vec<RequestRecord>,
    pub(super) connections: u64,
    pub(super) failed_handshakes: Vec<String>,
}

impl Shared {
    pub(super) fn new(service: &str, version: &str) -> Self {
        Self { service: service.to_owned(), version: version.to_owned(), state: Mutex::default() }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
