//! Noting when each client has received a certain change.

use std::{
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use fairlead_resource::TypeUrl;

use crate::ads::{Content, NameId};

/// What a [`Watch`] waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Awaited {
    /// A content other than the client's.
    Change,
    /// The content of this version (delta only).
    Version(String),
    /// That the resource is gone.
    Removal,
}

/// The clients that have received a certain change since the watch began, and when.
#[derive(Debug)]
pub struct Watch {
    pub(super) target: Arc<Target>,
    pub(super) watches: Arc<Watches>,
}

/// A watch as the clients see it.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) kind: TypeUrl,
    /// Any resource of the type if there is none.
    pub(super) name: Option<NameId>,
    pub(super) awaited: Awaited,
    /// By client: nanoseconds since the crowd began, 0 if it has not arrived.
    pub(super) times: Vec<AtomicU64>,
}

/// All watches of a crowd.
#[derive(Debug, Default)]
pub(super) struct Watches {
    /// Read first, so that clients pay nothing as long as there is no watch.
    count: AtomicUsize,
    targets: RwLock<Vec<Arc<Target>>>,
}

impl Watch {
    /// How many clients have received it.
    pub fn received(&self) -> usize {
        self.target.times.iter().filter(|time| time.load(Relaxed) != 0).count()
    }

    /// When a client received it, since the crowd began.
    pub fn time_of(&self, client: usize) -> Option<Duration> {
        let time = self.target.times.get(client)?.load(Relaxed);
        (time != 0).then(|| Duration::from_nanos(time))
    }

    /// When each of the clients that have it received it, earliest first, since the crowd began.
    pub fn times(&self) -> Vec<Duration> {
        let mut times: Vec<_> = (0..self.target.times.len()).filter_map(|i| self.time_of(i)).collect();
        times.sort_unstable();
        times
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.watches.remove(&self.target);
    }
}

impl Watches {
    pub(super) fn add(&self, target: Arc<Target>) {
        let mut targets = self.targets.write().unwrap_or_else(PoisonError::into_inner);
        targets.push(target);
        self.count.store(targets.len(), Relaxed);
    }

    fn remove(&self, target: &Arc<Target>) {
        let mut targets = self.targets.write().unwrap_or_else(PoisonError::into_inner);
        targets.retain(|other| !Arc::ptr_eq(other, target));
        self.count.store(targets.len(), Relaxed);
    }

    /// The watches that there are now.
    pub(super) fn now(&self) -> Vec<Arc<Target>> {
        if self.count.load(Relaxed) == 0 {
            return Vec::new();
        }
        self.targets.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Target {
    /// Whether a change is the one that is awaited.
    pub(super) fn is(&self, kind: TypeUrl, name: NameId, content: Option<&Content>) -> bool {
        let is_awaited = match (&self.awaited, content) {
            (Awaited::Change, Some(_)) | (Awaited::Removal, None) => true,
            (Awaited::Version(version), Some(content)) => *content.version == **version,
            _ => false,
        };
        is_awaited && kind == self.kind && self.name.is_none_or(|wanted| wanted == name)
    }

    /// Notes the first time at which `client` has received it.
    pub(super) fn note(&self, client: usize, at: u64) {
        if let Some(time) = self.times.get(client)
            && time.load(Relaxed) == 0
        {
            time.store(at, Relaxed);
        }
    }
}
