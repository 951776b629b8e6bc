//! A mesh without a server: directories and files in, the resources of a proxy out.

use std::{path::Path, sync::Arc};

use fairlead_config::{AnyConfig, Change, ChangeBatch, Diagnostic, Timestamp};
use fairlead_incremental::{ChangeSet, Db};
use fairlead_model::{diagnostics::AllDiagnostics, input, proxy::ProxyKey};
pub use fairlead_source_file::Input;
use fairlead_source_file::{SourceError, load_all};
use fairlead_translate::publication::{PublicationKey, PublicationOf};
use fairlead_xds::Publication;

use crate::{
    clock::Clock,
    core::{Objects, Refusals, engine, publication},
    diagnostics::listed,
    settings::Settings,
};

/// A mesh at one point in time.
pub struct Mesh {
    db: Db,
    objects: Objects,
    refused: Refusals,
    source_diagnostics: Vec<Diagnostic>,
}

impl Mesh {
    /// Reads a directory once, with the settings of a control plane.
    ///
    /// # Errors
    /// If the directory cannot be read. Problems in its files are diagnostics.
    pub fn load(directory: impl AsRef<Path>, settings: &Settings) -> Result<Self, SourceError> {
        Self::load_all([Input::Path(directory.as_ref().to_owned())], settings)
    }

    /// Reads directories and files once, as if one directory held them all.
    ///
    /// # Errors
    /// If one of them cannot be read. Problems in its content are diagnostics.
    pub fn load_all(
        inputs: impl IntoIterator<Item = Input>,
        settings: &Settings,
    ) -> Result<Self, SourceError> {
        let loaded = load_all(inputs)?;
        let mut mesh = Self::of_objects(loaded.objects, loaded.diagnostics, settings);
        mesh.tell(Clock::system().now());
        Ok(mesh)
    }

    /// A mesh of these objects; `diagnostics` are those of their source.
    pub fn of_objects(
        objects: impl IntoIterator<Item = AnyConfig>,
        diagnostics: Vec<Diagnostic>,
        settings: &Settings,
    ) -> Self {
        let mut mesh = Self {
            db: engine(settings),
            objects: Objects::default(),
            refused: Refusals::default(),
            source_diagnostics: diagnostics,
        };
        mesh.apply(objects.into_iter().map(Change::Set).collect());
        mesh
    }

    /// Sets the time for findings about certificates.
    fn tell(&mut self, now: Timestamp) {
        let mut set = ChangeSet::new();
        input::set_now(now, &mut set);
        self.db.apply(set);
        self.db.settle();
    }

    /// Changes objects.
    pub fn apply(&mut self, changes: ChangeBatch) {
        self.objects.apply(&changes);
        let mut set = ChangeSet::new();
        input::apply(changes, &mut set);
        self.refused.update(self.source_diagnostics.iter(), &self.objects, &mut set);
        self.db.apply(set);
        self.db.settle();
    }

    /// What a proxy is sent, including secrets if it may have them.
    pub fn publication(&mut self, proxy: &ProxyKey, secrets: bool) -> Publication {
        let key = PublicationKey { proxy: proxy.clone(), secrets };
        let lease = self.db.lease::<PublicationOf>(&key);
        publication(self.db.revision().0, &lease.value(&self.db), &Arc::default())
    }

    /// All findings, about objects by themselves and about their references to others, in order.
    pub fn diagnostics(&mut self) -> Vec<Diagnostic> {
        let lease = self.db.lease::<AllDiagnostics>(&());
        let mut all = lease.value(&self.db).to_vec();
        for diagnostic in &mut all {
            self.objects.relocate(diagnostic);
        }
        // A source knows the exact place, even of text that is not a field of the object.
        all.extend(self.source_diagnostics.iter().cloned());
        listed(all)
    }

    /// The objects.
    pub fn objects(&self) -> &Objects {
        &self.objects
    }

    /// The engine, for benchmarks and explanations.
    pub fn db(&mut self) -> &mut Db {
        &mut self.db
    }
}
