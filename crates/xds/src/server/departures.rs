//! State of ended streams, kept for when their clients come back.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::resolver::Peer;
use crate::{Departed, Node};

/// Maximum number of departed clients remembered. Only those from which something is held back are.
const KEPT: usize = 1024;

/// Time for which they are remembered. Envoy comes back within 30 seconds.
const KEPT_FOR: Duration = Duration::from_secs(2 * 60);

/// A client: its node's id, and its address.
type Who = (String, Option<IpAddr>);

/// The state of departed clients.
#[derive(Default)]
pub(super) struct Departures(Mutex<BTreeMap<Who, (Instant, Departed)>>);

impl Departures {
    /// The client has gone.
    pub(super) fn keep(&self, node: &Node, peer: &Peer, departed: Departed) {
        let now = Instant::now();
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, (since, _)| now.duration_since(*since) < KEPT_FOR);
        if kept.len() >= KEPT
            && let Some(oldest) = kept.iter().min_by_key(|(_, (since, _))| *since).map(|(who, _)| who.clone())
        {
            kept.remove(&oldest);
        }
        kept.insert(who(node, peer), (now, departed));
    }

    /// The client is back. Returns what was known of it when it left.
    pub(super) fn take(&self, node: &Node, peer: &Peer) -> Option<Departed> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, departed) = kept.remove(&who(node, peer))?;
        (since.elapsed() < KEPT_FOR).then_some(departed)
    }
}

fn who(node: &Node, peer: &Peer) -> Who {
    (node.id.clone(), peer.address.map(|address| address.ip()))
}

#[cfg(test)]
mod tests;
