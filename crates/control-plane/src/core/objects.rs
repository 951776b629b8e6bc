//! The objects as they were told last, with their newest place in a file.
//!
//! The engine keeps an object whose meaning is unchanged as it was; where it stands in its file is only known here.

use fairlead_config::{
    AnyConfig, Change, ChangeBatch, ConfigKey, Diagnostic, FieldPath, Kind, Location, Subject,
};
use imbl::OrdMap;

/// All objects. A clone is O(1).
#[derive(Clone, Default)]
pub struct Objects(OrdMap<ConfigKey, AnyConfig>);

impl Objects {
    /// Takes over the changes.
    pub(crate) fn apply(&mut self, batch: &ChangeBatch) {
        for change in batch.iter() {
            match change {
                Change::Set(object) => {
                    self.0.insert(object.key().clone(), object.clone());
                }
                Change::Delete(key) => {
                    self.0.remove(key);
                }
            }
        }
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
        self.0.values()
    }

    /// One object.
    pub fn get(&self, key: &ConfigKey) -> Option<&AnyConfig> {
        self.0.get(key)
    }

    /// Where a field of an object stands.
    pub fn locate(&self, key: &ConfigKey, path: &FieldPath) -> Option<Location> {
        self.get(key)?.source().locate(path)
    }

    /// Gives a finding about an object its newest place. The file knows better than the engine, for which an object
    /// that only moved is unchanged.
    pub fn relocate(&self, diagnostic: &mut Diagnostic) {
        if let Subject::Object(key) = &diagnostic.on
            && let Some(place) = self.locate(key, &diagnostic.path)
            && diagnostic.position.as_ref().is_none_or(|known| known.file == place.file)
        {
            diagnostic.position = Some(place);
        }
    }

    pub(crate) fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &AnyConfig> {
        self.0
            .range(ConfigKey::new(kind, "", "")..)
            .map(|(_, object)| object)
            .take_while(move |o| o.kind() == kind)
    }
}
