//! Runs of resources that sets have in common, kept and encoded once however many views there are.
//!
//! Most workloads have a view of their own, with the inbound side of their service among thousands of resources that
//! all views share. Contents decide where a set is cut, so that an additional resource in the middle of a set changes
//! its own run and no other.

use std::{
    collections::BTreeMap,
    fmt, mem,
    sync::{Arc, Mutex, OnceLock, PoisonError, Weak},
};

use bytes::Bytes;
use fairlead_resource::{Digest, EncodedResource, ResourceName, TypeUrl};
use xxhash_rust::xxh3::Xxh3;

/// Average number of resources in a run: one content in this many ends its run.
const ONE_IN: u128 = 8;
/// Size in bytes at which a run ends in any case.
const ENOUGH: usize = 64 << 10;
/// Number of known runs at which unused ones are dropped for the first time; after that, at twice the number left.
const SWEEP_FROM: usize = 1024;

/// The names and digests of resources, in order of name, and the encoded forms requested so far.
#[derive(Default)]
pub(crate) struct Run {
    resources: Box<[(ResourceName, Digest)]>,
    delta: OnceLock<Bytes>,
    plain: OnceLock<Bytes>,
}

impl Run {
    /// Names and digests.
    pub(super) fn contents(&self) -> &[(ResourceName, Digest)] {
        &self.resources
    }

    /// The run in a delta response, encoded by the first caller.
    pub(super) fn delta(&self, encode: impl FnOnce() -> Bytes) -> Bytes {
        self.delta.get_or_init(encode).clone()
    }

    /// The run in a state-of-the-world response, encoded by the first caller.
    pub(super) fn plain(&self, encode: impl FnOnce() -> Bytes) -> Bytes {
        self.plain.get_or_init(encode).clone()
    }
}

/// Shows the names in it, but never contents: a `Secret` must not reach a log.
impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.resources.fmt(f)
    }
}

/// Names and digests of resources, in runs.
#[derive(Clone, Debug)]
pub(crate) struct SentVersions(Arc<[Arc<Run>]>);

impl SentVersions {
    /// These runs, followed by an unshared one of the remaining resources.
    pub(super) fn new(mut runs: Vec<Arc<Run>>, rest: Vec<(ResourceName, Digest)>) -> Self {
        if !rest.is_empty() {
            runs.push(Arc::new(Run { resources: rest.into(), ..Run::default() }));
        }
        Self(runs.into())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &(ResourceName, Digest)> {
        self.runs().flat_map(|run| &run.resources)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &ResourceName> {
        self.iter().map(|(name, _)| name)
    }

    pub(super) fn runs(&self) -> impl Iterator<Item = &Arc<Run>> {
        self.0.iter()
    }
}

impl Default for SentVersions {
    fn default() -> Self {
        Self([].into())
    }
}

/// Makes one unshared run.
impl FromIterator<(ResourceName, Digest)> for SentVersions {
    fn from_iter<I: IntoIterator<Item = (ResourceName, Digest)>>(resources: I) -> Self {
        Self::new(Vec::new(), resources.into_iter().collect())
    }
}

/// The runs in use.
#[derive(Default)]
pub struct Runs(Mutex<Known>);

#[derive(Default)]
struct Known {
    runs: BTreeMap<(TypeUrl, u128), Weak<Run>>,
    left_by_sweep: usize,
}

impl Runs {
    /// These resources in runs.
    pub(crate) fn of<'a>(
        &self,
        type_url: TypeUrl,
        resources: impl IntoIterator<Item = &'a EncodedResource>,
    ) -> SentVersions {
        let (mut cut, mut open, mut bytes, mut key) = (Vec::new(), Vec::new(), 0, Xxh3::new());
        for resource in resources {
            key.update(&resource.digest.0.to_le_bytes());
            key.update(resource.name.as_bytes());
            open.push((resource.name.clone(), resource.digest));
            bytes += resource.encoded_len();
            if resource.digest.0.is_multiple_of(ONE_IN) || bytes >= ENOUGH {
                cut.push((key.digest128(), mem::take(&mut open)));
                bytes = 0;
                key.reset();
            }
        }
        if !open.is_empty() {
            cut.push((key.digest128(), open));
        }
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        SentVersions(cut.into_iter().map(|(key, resources)| known.run((type_url, key), resources)).collect())
    }
}

impl Known {
    fn run(&mut self, key: (TypeUrl, u128), resources: Vec<(ResourceName, Digest)>) -> Arc<Run> {
        let known = self.runs.get(&key).and_then(Weak::upgrade);
        if let Some(run) = known.filter(|run| *run.resources == resources[..]) {
            return run;
        }
        if self.runs.len() >= SWEEP_FROM.max(2 * self.left_by_sweep) {
            self.runs.retain(|_, run| run.strong_count() > 0);
            self.left_by_sweep = self.runs.len();
        }
        let run = Arc::new(Run { resources: resources.into(), ..Run::default() });
        self.runs.insert(key, Arc::downgrade(&run));
        run
    }
}

#[cfg(test)]
mod tests;
