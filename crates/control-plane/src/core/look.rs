//! What can be looked at.

use std::sync::Arc;

use fairlead_config::Diagnostic;
use fairlead_incremental::Db;
use fairlead_resource::TypeUrl;
use fairlead_translate::{
    origins::Which,
    publication::{PublicationKey, Told, ViewKey, origins},
};
use fairlead_xds::Publication;

use super::{Core, Objects};

impl Core {
    /// The objects as they were told last.
    pub fn objects(&self) -> &Objects {
        &self.objects
    }

    /// The findings that hold now.
    pub fn diagnostics(&self) -> &Arc<[Diagnostic]> {
        self.ledger.current()
    }

    /// The engine.
    pub fn db(&self) -> &Db {
        &self.db
    }

    /// The newest publication for a connected proxy.
    pub fn latest(&self, key: &PublicationKey) -> Option<Arc<Publication>> {
        self.views.latest(key)
    }

    /// The view of a connected proxy.
    pub fn view_of(&self, key: &PublicationKey) -> Option<&ViewKey> {
        self.views.of_proxy(key)
    }

    /// What resources of a connected proxy were made from.
    pub fn origins(&mut self, key: &PublicationKey, type_url: TypeUrl, which: &Which) -> Told {
        let Some(view) = self.views.of_proxy(key).cloned() else { return Told::default() };
        self.db.ask(|cx| origins(cx, &view, type_url, which))
    }

    /// How many distinct views there are.
    pub fn view_count(&self) -> usize {
        self.views.len()
    }
}
