//! A mesh made of YAML, for tests.

use std::sync::Arc;

use fairlead_config::{AnyConfig, Change, ChangeBatch, ConfigKey, Severity, decode_file};
use fairlead_incremental::{ChangeSet, Db, Lease, Query, Settled};

use crate::input;

/// A database with the objects of some YAML.
pub(crate) struct World {
    pub(crate) db: Db,
}

impl World {
    /// The mesh of these documents, which must be without errors.
    pub(crate) fn of(yaml: &str) -> Self {
        let mut db = Db::new();
        crate::indexes::register(&mut db);
        let mut world = Self { db };
        world.set(yaml);
        world
    }

    /// Sets the objects of these documents.
    pub(crate) fn set(&mut self, yaml: &str) -> Settled {
        self.change(objects(yaml).into_iter().map(Change::Set).collect())
    }

    /// Deletes an object.
    pub(crate) fn delete(&mut self, key: ConfigKey) -> Settled {
        self.change(std::iter::once(Change::Delete(key)).collect())
    }

    /// Applies changes and settles.
    pub(crate) fn change(&mut self, batch: ChangeBatch) -> Settled {
        let mut changes = ChangeSet::new();
        input::apply(batch, &mut changes);
        self.db.apply(changes);
        self.db.settle()
    }

    /// The value of a query.
    pub(crate) fn get<Q: Query>(&mut self, key: &Q::Key) -> Arc<Q::Value> {
        self.lease::<Q>(key).value(&self.db)
    }

    /// Keeps a query demanded.
    pub(crate) fn lease<Q: Query>(&mut self, key: &Q::Key) -> Lease<Q> {
        self.db.lease::<Q>(key)
    }
}

/// The objects of these documents, which must be without errors.
pub(crate) fn objects(yaml: &str) -> Vec<AnyConfig> {
    let decoded = decode_file("test.yaml", yaml.as_bytes());
    let errors: Vec<String> = decoded.diagnostics.iter().map(ToString::to_string).collect();
    assert!(decoded.rejected.is_empty() && decoded.broken_documents == 0, "{}", errors.join("\n"));
    decoded.objects
}

/// The errors in these documents: `code path`.
pub(crate) fn errors(yaml: &str) -> Vec<String> {
    let findings = decode_file("test.yaml", yaml.as_bytes()).diagnostics.into_iter();
    let errors = findings.filter(|finding| finding.severity == Severity::Error);
    errors.map(|finding| format!("{} {}", finding.code.as_str(), finding.path)).collect()
}

/// The only object of a document, of the kind that the caller wants.
macro_rules! only_object {
    ($kind:ident, $yaml:expr) => {
        match $crate::testing::objects($yaml).as_slice() {
            [fairlead_config::AnyConfig::$kind(object)] => fairlead_config::Config::clone(object),
            other => panic!("not one {}: {other:?}", stringify!($kind)),
        }
    };
}
pub(crate) use only_object;
