//! A MeshConfig over the defaults.

use fairlead_config::{Config, Diagnostic, api};

use super::{Mesh, Settings};

/// The mesh that a ConfigMap with a MeshConfig makes, and what is wrong with it.
pub fn resolve(settings: &Settings, _object: Option<&Config<api::ConfigMap>>) -> (Mesh, Vec<Diagnostic>) {
    (Mesh::new(settings), Vec::new())
}
