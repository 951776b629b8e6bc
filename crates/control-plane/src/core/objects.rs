//! The latest objects, with their newest place in a file.
//!
//! The engine keeps the old version of an object whose meaning is unchanged; only here is its current place in the file
//! known.

use fairlead_config::{
    AnyConfig, Change, ChangeBatch, ConfigKey, Diagnostic, FieldPath, Kind, Location, Subject,
};
use imbl::OrdMap;

/// All objects. A clone is O(1).
#[derive(Clone, Default)]
pub struct Objects(OrdMap<ConfigKey, Told>);

/// An object, and the number of its source.
#[derive(Clone)]
struct Told {
    object: AnyConfig,
    source: usize,
}

impl Objects {
    /// Applies the changes of the only source.
    pub(crate) fn apply(&mut self, batch: &ChangeBatch) {
        for change in batch.iter() {
            match change {
                Change::Set(object) => self.insert(0, object.clone()),
                Change::Delete(key) => self.remove(key),
            }
        }
    }

    pub(super) fn insert(&mut self, source: usize, object: AnyConfig) {
        self.0.insert(object.key().clone(), Told { object, source });
    }

    pub(super) fn remove(&mut self, key: &ConfigKey) {
        self.0.remove(key);
    }

    /// The number of the source that an object is from.
    pub(super) fn source_of(&self, key: &ConfigKey) -> Option<usize> {
        self.0.get(key).map(|told| told.source)
    }

    /// The objects of a kind that a source provides.
    pub(super) fn of_source(&self, source: usize, kind: Kind) -> impl Iterator<Item = &ConfigKey> {
        self.told(kind).filter(move |told| told.source == source).map(|told| told.object.key())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are of a kind.
    pub fn count(&self, kind: Kind) -> usize {
        self.of_kind(kind).count()
    }

    /// The objects in order.
    pub fn iter(&self) -> impl Iterator<Item = &AnyConfig> {
        self.0.values().map(|told| &told.object)
    }

    /// One object.
    pub fn get(&self, key: &ConfigKey) -> Option<&AnyConfig> {
        self.0.get(key).map(|told| &told.object)
    }

    /// The place of a field of an object.
    pub fn locate(&self, key: &ConfigKey, path: &FieldPath) -> Option<Location> {
        self.get(key)?.read_from().locate(path)
    }

    /// Gives a finding about an object its newest place. The engine does not know it, as an object that only moved is
    /// unchanged to it.
    pub fn relocate(&self, diagnostic: &mut Diagnostic) {
        if let Subject::Object(key) = &diagnostic.on
            && let Some(place) = self.locate(key, &diagnostic.path)
            && diagnostic.position.as_ref().is_none_or(|known| known.file == place.file)
        {
            diagnostic.position = Some(place);
        }
    }

    pub(crate) fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &AnyConfig> {
        self.told(kind).map(|told| &told.object)
    }

    fn told(&self, kind: Kind) -> impl Iterator<Item = &Told> {
        let from_kind = self.0.range(ConfigKey::new(kind, "", "")..);
        from_kind.map(|(_, told)| told).take_while(move |told| told.object.kind() == kind)
    }
}
