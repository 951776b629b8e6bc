//! The sources: the objects of each, and the source from which each object is used.
//!
//! If several have an object, that of the source registered first is used, whichever arrived first; the others' are
//! kept, and used when it is removed.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use fairlead_config::{
    AnyConfig, Change, ChangeBatch, ConfigKey, Diagnostic, Kind, SourceId, SourceUpdate, duplicate,
};

use super::Objects;

/// All sources, in the order of registration.
#[derive(Default)]
pub(super) struct Sources {
    states: Vec<State>,
    /// Objects that are not used because an earlier source has them too, by the number of their source.
    unused: BTreeMap<ConfigKey, BTreeMap<usize, AnyConfig>>,
}

/// The state of a source.
struct State {
    id: SourceId,
    /// Whether it has delivered all its objects.
    synced: bool,
    /// The changes that are not applied yet.
    pending: ChangeBatch,
    /// The kinds of which `pending` has all objects.
    whole: BTreeSet<Kind>,
    diagnostics: Arc<[Diagnostic]>,
}

impl Sources {
    /// Sources that have delivered nothing yet.
    pub(super) fn registered(ids: Vec<SourceId>) -> Self {
        let state = |id| State {
            id,
            synced: false,
            pending: ChangeBatch::new(),
            whole: BTreeSet::new(),
            diagnostics: Arc::default(),
        };
        Self { states: ids.into_iter().map(state).collect(), unused: BTreeMap::new() }
    }

    /// Accepts an update of a source.
    pub(super) fn take(&mut self, id: &SourceId, update: SourceUpdate) {
        let state = self.states.iter_mut().find(|state| state.id == *id);
        let state = state.expect("whoever starts the core registers its sources");
        state.pending.retain(|key| !update.whole.contains(&key.kind));
        state.pending.merge(update.changes);
        state.whole.extend(update.whole);
        state.synced |= update.synced;
        state.diagnostics = update.diagnostics.into();
    }

    /// Whether each has delivered all its objects.
    pub(super) fn are_synced(&self) -> bool {
        self.states.iter().all(|state| state.synced)
    }

    /// Applies the updates since the last call; returns the changes of the objects in use.
    pub(super) fn apply(&mut self, objects: &mut Objects) -> ChangeBatch {
        let mut in_use = ChangeBatch::new();
        for source in 0..self.states.len() {
            let state = &mut self.states[source];
            let mut batch = std::mem::take(&mut state.pending);
            for kind in std::mem::take(&mut state.whole) {
                let gone = self.told(source, kind, objects).filter(|key| batch.get(key).is_none());
                let gone: Vec<_> = gone.cloned().map(Change::Delete).collect();
                batch.extend(gone);
            }
            for change in batch {
                in_use.extend(match change {
                    Change::Set(object) => self.set(source, object, objects),
                    Change::Delete(key) => self.delete(source, key, objects),
                });
            }
        }
        in_use
    }

    /// The objects of a kind that a source has, used or not.
    fn told<'a>(
        &'a self,
        source: usize,
        kind: Kind,
        objects: &'a Objects,
    ) -> impl Iterator<Item = &'a ConfigKey> {
        let unused =
            self.unused.range(ConfigKey::new(kind, "", "")..).take_while(move |(key, _)| key.kind == kind);
        let unused = unused.filter(move |(_, rivals)| rivals.contains_key(&source)).map(|(key, _)| key);
        objects.of_source(source, kind).chain(unused)
    }

    fn set(&mut self, source: usize, object: AnyConfig, objects: &mut Objects) -> Option<Change> {
        let key = object.key();
        match objects.source_of(key) {
            Some(owner) if owner < source => {
                self.unused.entry(key.clone()).or_default().insert(source, object);
                return None;
            }
            Some(owner) if owner > source => {
                let displaced = objects.get(key).expect("it is in use").clone();
                self.unused.entry(key.clone()).or_default().insert(owner, displaced);
            }
            _ => {}
        }
        objects.insert(source, object.clone());
        Some(Change::Set(object))
    }

    fn delete(&mut self, source: usize, key: ConfigKey, objects: &mut Objects) -> Option<Change> {
        if objects.source_of(&key)? != source {
            self.take_unused(&key, |rivals| rivals.remove(&source));
            return None;
        }
        let Some((next, object)) = self.take_unused(&key, BTreeMap::pop_first) else {
            objects.remove(&key);
            return Some(Change::Delete(key));
        };
        objects.insert(next, object.clone());
        Some(Change::Set(object))
    }

    fn take_unused<T>(
        &mut self,
        key: &ConfigKey,
        take: impl FnOnce(&mut BTreeMap<usize, AnyConfig>) -> Option<T>,
    ) -> Option<T> {
        let rivals = self.unused.get_mut(key)?;
        let taken = take(rivals);
        if rivals.is_empty() {
            self.unused.remove(key);
        }
        taken
    }

    /// The findings of the sources.
    pub(super) fn diagnostics(&self) -> impl Iterator<Item = &Diagnostic> {
        self.states.iter().flat_map(|state| state.diagnostics.iter())
    }

    /// A finding for each object that is not used.
    pub(super) fn duplicates(&self, objects: &Objects) -> impl Iterator<Item = Diagnostic> {
        self.unused.iter().flat_map(|(key, rivals)| {
            let owner = objects.source_of(key).map_or("", |owner| self.states[owner].id.as_str());
            let of = format!(" of the source `{owner}`");
            let used = objects.get(key).expect("another is used instead of the unused");
            rivals.values().map(move |unused| duplicate(unused, used, &of))
        })
    }
}

#[cfg(test)]
mod tests;
