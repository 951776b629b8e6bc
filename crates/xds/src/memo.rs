//! Differences and encoded bodies that sessions share.
//!
//! Belongs to the set that the differences lead to. Ten thousand sessions that hold the same set and are to hold the
//! same next one have the same difference and the same bytes. Sets are recognised by the identity of their root, so
//! a hit costs a few comparisons.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use fairlead_envoy::{Digest, EncodedResource, ResourceName, ResourceSet, TypeUrl};

use crate::{
    diff::{Change, changes},
    wire::{Part, delta_parts, whole_state},
};

/// How many differences, and how many whole bodies, are remembered.
const CAPACITY: usize = 24;

/// The shared work of sending one set. Cheap to create.
#[derive(Default)]
pub(crate) struct Memo {
    steps: Mutex<VecDeque<Arc<Step>>>,
    wholes: Mutex<VecDeque<Arc<Whole>>>,
}

/// The way from one set to another.
pub(crate) struct Step {
    type_url: TypeUrl,
    old: ResourceSet,
    new: ResourceSet,
    content: OnceLock<Content>,
    kept: OnceLock<ResourceSet>,
    additions_only: OnceLock<Vec<Part>>,
    everything: OnceLock<Vec<Part>>,
    partial: OnceLock<Part>,
}

struct Content {
    changed: Vec<EncodedResource>,
    carried: Arc<[(ResourceName, Digest)]>,
    removed: Arc<[ResourceName]>,
    adds: bool,
}

/// A set encoded whole.
struct Whole {
    type_url: TypeUrl,
    set: ResourceSet,
    part: OnceLock<Part>,
}

impl Memo {
    /// The step from `old` to `new`, computed by the first who asks.
    pub(crate) fn step(&self, type_url: TypeUrl, old: &ResourceSet, new: &ResourceSet) -> Arc<Step> {
        remembered(
            &self.steps,
            |s| s.type_url == type_url && s.old.ptr_eq(old) && s.new.ptr_eq(new),
            || Step {
                type_url,
                old: old.clone(),
                new: new.clone(),
                content: OnceLock::new(),
                kept: OnceLock::new(),
                additions_only: OnceLock::new(),
                everything: OnceLock::new(),
                partial: OnceLock::new(),
            },
        )
    }

    /// The whole of a set as a state-of-the-world body.
    pub(crate) fn whole(&self, type_url: TypeUrl, set: &ResourceSet) -> Part {
        let whole = remembered(
            &self.wholes,
            |w| w.type_url == type_url && w.set.ptr_eq(set),
            || Whole { type_url, set: set.clone(), part: OnceLock::new() },
        );
        whole.part.get_or_init(|| whole_state(type_url, set.values())).clone()
    }
}

/// Finds an entry or makes it, keeping the most recently used ones.
fn remembered<T>(
    entries: &Mutex<VecDeque<Arc<T>>>,
    is: impl Fn(&T) -> bool,
    make: impl FnOnce() -> T,
) -> Arc<T> {
    let mut entries = entries.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(at) = entries.iter().position(|e| is(e)) {
        let found = entries.remove(at).expect("position is within the queue");
        entries.push_front(found.clone());
        return found;
    }
    let entry = Arc::new(make());
    entries.push_front(entry.clone());
    entries.truncate(CAPACITY);
    entry
}

impl Step {
    /// The resources that are new or changed.
    pub(crate) fn changed(&self) -> &[EncodedResource] {
        &self.content().changed
    }

    /// Names and digests of what is new or changed.
    pub(crate) fn carried(&self) -> &Arc<[(ResourceName, Digest)]> {
        &self.content().carried
    }

    /// The names that are gone.
    pub(crate) fn removed(&self) -> &Arc<[ResourceName]> {
        &self.content().removed
    }

    /// Whether a name is new.
    pub(crate) fn adds(&self) -> bool {
        self.content().adds
    }

    /// Whether nothing has to be sent.
    pub(crate) fn is_empty(&self) -> bool {
        self.changed().is_empty() && self.removed().is_empty()
    }

    /// The set before.
    pub(crate) fn old(&self) -> &ResourceSet {
        &self.old
    }

    /// The new set with what was removed from the old one still in it.
    pub(crate) fn kept(&self) -> &ResourceSet {
        self.kept.get_or_init(|| {
            let mut kept = self.new.clone();
            for name in &**self.removed() {
                if let Some(resource) = self.old.get(name) {
                    kept.insert(name.clone(), resource.clone());
                }
            }
            kept
        })
    }

    /// The delta responses of this step, each with resources of `limit` bytes at most. The limit of the first who
    /// asks holds: it is a setting of the server, not of a session.
    pub(crate) fn delta(&self, removals: bool, limit: usize) -> &[Part] {
        let (parts, removed) = if removals && !self.removed().is_empty() {
            (&self.everything, &self.removed()[..])
        } else {
            (&self.additions_only, &[][..])
        };
        parts.get_or_init(|| delta_parts(self.type_url, self.changed(), removed, limit))
    }

    /// The changed resources alone, as state-of-the-world clients take them for types that may be sent in part.
    pub(crate) fn partial(&self) -> &Part {
        self.partial.get_or_init(|| whole_state(self.type_url, self.changed()))
    }

    fn content(&self) -> &Content {
        self.content.get_or_init(|| {
            let (mut changed, mut removed, mut adds) = (Vec::new(), Vec::new(), false);
            for change in changes(&self.old, &self.new) {
                match change {
                    Change::Set { old: Some(old), new } if old.digest == new.digest => {}
                    Change::Set { old, new } => {
                        adds |= old.is_none();
                        changed.push(new.clone());
                    }
                    Change::Gone(old) => removed.push(old.name.clone()),
                }
            }
            let carried = changed.iter().map(|r| (r.name.clone(), r.digest)).collect();
            Content { changed, carried, removed: removed.into(), adds }
        })
    }
}

#[cfg(test)]
mod tests;
