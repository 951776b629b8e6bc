//! State shared by the task of a client and its handle.

use std::{
    net::SocketAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

use super::{held::Held, record::ResponseRecord};

/// State shared by the task and the handle.
#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
    /// Counts changes of the state.
    pub(super) changed: watch::Sender<u64>,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) held: Held,
    pub(super) responses: Vec<ResponseRecord>,
    /// Acknowledgements and refusals sent.
    pub(super) answers: usize,
    pub(super) streams: u32,
    pub(super) connected: bool,
    /// How the last stream, or the last attempt to open one, ended.
    pub(super) last_end: Option<String>,
}

/// The commands of the handle to the task.
#[derive(Debug)]
pub(super) enum Command {
    Connect(Option<SocketAddr>),
    Disconnect,
    Reading(bool),
    Vanish,
}

impl Shared {
    pub(super) fn new(held: Held) -> Self {
        let state =
            State { held, responses: Vec::new(), answers: 0, streams: 0, connected: false, last_end: None };
        Self { state: Mutex::new(state), changed: watch::Sender::new(0) }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state and wakes those who wait for a change.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.state());
        self.changed.send_modify(|count| *count += 1);
        result
    }
}
