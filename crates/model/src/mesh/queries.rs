//! Queries for the mesh's configuration and the findings about its MeshConfig.

use std::sync::Arc;

use fairlead_config::Diagnostic;
use fairlead_incremental::{Query, Reader, Stratum};

use super::{Mesh, config_map, resolve::resolve};
use crate::{
    input::{ConfigMaps, MeshSettings},
    strata,
};

/// The mesh and the findings about its MeshConfig, which change independently.
#[derive(Debug)]
struct MeshAndFindings;

impl Query for MeshAndFindings {
    type Key = ();
    type Value = (Mesh, Arc<[Diagnostic]>);
    const NAME: &'static str = "mesh and findings";
    const STRATUM: Stratum = Stratum(strata::MESH.0 - 1);

    fn compute(cx: &Reader<'_>, (): &()) -> Self::Value {
        let settings = cx.input::<MeshSettings>(&()).unwrap_or_default();
        let object = cx.input::<ConfigMaps>(&config_map(&settings.root_namespace));
        let (mesh, findings) = resolve(&settings, object.as_deref());
        (mesh, findings.into())
    }
}

/// The mesh-wide configuration.
#[derive(Debug)]
pub struct ResolvedMesh;

impl Query for ResolvedMesh {
    type Key = ();
    type Value = Mesh;
    const NAME: &'static str = "mesh";
    const STRATUM: Stratum = strata::MESH;

    fn compute(cx: &Reader<'_>, (): &()) -> Mesh {
        cx.get::<MeshAndFindings>(&()).0.clone()
    }
}

/// The findings about the MeshConfig.
#[derive(Debug)]
pub struct MeshDiagnostics;

impl Query for MeshDiagnostics {
    type Key = ();
    type Value = Arc<[Diagnostic]>;
    const NAME: &'static str = "mesh diagnostics";
    const STRATUM: Stratum = strata::MESH;

    fn compute(cx: &Reader<'_>, (): &()) -> Self::Value {
        Arc::clone(&cx.get::<MeshAndFindings>(&()).1)
    }
}
