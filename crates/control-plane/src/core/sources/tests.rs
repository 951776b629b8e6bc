use std::collections::{BTreeMap, BTreeSet};

use fairlead_config::{
    AnyConfig, Change, ChangeBatch, Config, ConfigKey, Diagnostic, Kind, ReadFrom, SourceUpdate,
};
use proptest::prelude::*;

use super::{Objects, Sources};

/// An object that tells its versions apart by its resource version, as equal objects may.
fn object(kind: Kind, name: u8, version: u8) -> AnyConfig {
    let key = ConfigKey::new(kind, "shop", format!("n{name}"));
    let read_from = ReadFrom::ResourceVersion(version.to_string().into());
    match kind {
        Kind::Pod => Config { read_from, ..Config::new(key, fairlead_api::Pod::default()) }.into(),
        _ => Config { read_from, ..Config::new(key, fairlead_api::Namespace::default()) }.into(),
    }
}

/// What a source of the model has.
type Has = BTreeMap<ConfigKey, AnyConfig>;

#[derive(Clone, Debug)]
struct Told {
    source: usize,
    sets: Vec<AnyConfig>,
    deletes: Vec<ConfigKey>,
    whole: Vec<Kind>,
    /// Whether what is pending is applied afterwards.
    applied: bool,
}

fn told() -> impl Strategy<Value = Told> {
    let kind = || prop_oneof![Just(Kind::Pod), Just(Kind::Namespace)];
    let object =
        || (kind(), 0..4_u8, any::<u8>()).prop_map(|(kind, name, version)| object(kind, name, version));
    let objects = |n| prop::collection::vec(object(), 0..n);
    (0..3_usize, objects(4), objects(3), prop::collection::vec(kind(), 0..2), any::<bool>()).prop_map(
        |(source, sets, deletes, whole, applied)| {
            let deletes = deletes.iter().map(|object| object.key().clone()).collect();
            Told { source, sets, deletes, whole, applied }
        },
    )
}

fn versions<'a>(objects: impl Iterator<Item = &'a AnyConfig>) -> BTreeMap<ConfigKey, ReadFrom> {
    objects.map(|object| (object.key().clone(), object.read_from().clone())).collect()
}

proptest! {
    /// Whatever sources tell in whatever order, what is used is a function of what each of them has.
    #[test]
    fn of_each_object_the_one_of_the_first_source_that_has_it_is_used(history in prop::collection::vec(told(), 1..24)) {
        let ids = ["a", "b", "c"].map(Into::into);
        let mut sources = Sources::registered(ids.to_vec());
        let (mut objects, mut has) = (Objects::default(), vec![Has::new(); 3]);
        let mut engine = Has::new();
        for Told { source, sets, deletes, whole, applied } in history {
            let mut changes: ChangeBatch = deletes.into_iter().map(Change::Delete).collect();
            changes.extend(sets.into_iter().map(Change::Set));
            has[source].retain(|key, _| !whole.contains(&key.kind));
            for change in changes.iter() {
                match change {
                    Change::Set(object) => drop(has[source].insert(object.key().clone(), object.clone())),
                    Change::Delete(key) => drop(has[source].remove(key)),
                }
            }
            sources.take(&ids[source], SourceUpdate { changes, whole, ..SourceUpdate::default() });
            if !applied {
                continue;
            }
            for change in sources.apply(&mut objects) {
                match change {
                    Change::Set(object) => drop(engine.insert(object.key().clone(), object)),
                    Change::Delete(key) => prop_assert!(engine.remove(&key).is_some(), "{key} is deleted twice"),
                }
            }
            let mut expected = Has::new();
            has.iter().rev().for_each(|has| expected.extend(has.clone()));
            prop_assert_eq!(versions(objects.iter()), versions(expected.values()));
            prop_assert_eq!(versions(engine.values()), versions(expected.values()));
            let unused: usize = has.iter().map(BTreeMap::len).sum::<usize>() - expected.len();
            let found: Vec<Diagnostic> = sources.duplicates(&objects).collect();
            prop_assert_eq!(found.len(), unused);
            let on: BTreeSet<_> = found.iter().map(|finding| finding.on.to_string()).collect();
            prop_assert!(on.iter().all(|on| expected.keys().any(|key| key.to_string() == *on)));
        }
    }
}
