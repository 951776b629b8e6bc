//! Which Sidecar applies to a proxy.

use std::sync::Arc;

use fairlead_config::{ConfigKey, LabelSet, Namespace, Timestamp};
use fairlead_incremental::{Query, Reader, Stratum};

use super::{Sidecar, resolve};
use crate::{age, input, strata};

/// The part of a Sidecar that decides which workloads it applies to.
#[derive(Clone, Debug, PartialEq)]
pub struct SidecarHeader {
    /// The object.
    pub origin: ConfigKey,
    /// Its creation time.
    pub created: Option<Timestamp>,
    /// The workloads that it applies to; `None`: all of the namespace.
    pub workload_selector: Option<LabelSet>,
}

/// The Sidecar for a proxy with these labels: one that selects it, else the one for its whole namespace, else the
/// one for the whole root namespace. The oldest wins. Both lists are oldest first.
///
/// Mirrors istio pilot/pkg/model/push_context.go (getSidecarScope).
pub fn select<'a>(
    own: &'a [SidecarHeader],
    root: &'a [SidecarHeader],
    labels: &LabelSet,
) -> Option<&'a ConfigKey> {
    let selects = |header: &&SidecarHeader| {
        header.workload_selector.as_ref().is_some_and(|selector| labels.contains_all(selector))
    };
    let for_all = |list: &'a [SidecarHeader]| list.iter().find(|header| header.workload_selector.is_none());
    let header = own.iter().find(selects).or_else(|| for_all(own)).or_else(|| for_all(root))?;
    Some(&header.origin)
}

/// A Sidecar, resolved, with its listeners as written.
#[derive(Debug)]
pub struct WrittenSidecar;

impl Query for WrittenSidecar {
    type Key = ConfigKey;
    type Value = Option<Arc<Sidecar>>;
    const NAME: &'static str = "sidecar as written";
    const STRATUM: Stratum = strata::OBJECT;

    fn compute(cx: &Reader<'_>, key: &ConfigKey) -> Self::Value {
        Some(Arc::new(resolve(&*cx.input::<input::Sidecars>(key)?)))
    }
}

/// A Sidecar, resolved, with its listeners without a port merged into one.
#[derive(Debug)]
pub struct ResolvedSidecar;

impl Query for ResolvedSidecar {
    type Key = ConfigKey;
    type Value = Option<Arc<Sidecar>>;
    const NAME: &'static str = "resolved sidecar";
    const STRATUM: Stratum = Stratum(strata::OBJECT.0 + 1);

    fn compute(cx: &Reader<'_>, key: &ConfigKey) -> Self::Value {
        let sidecar = (*cx.get::<WrittenSidecar>(key)).clone()?;
        let has_several = sidecar.egress.iter().filter(|listener| listener.port.is_none()).nth(1).is_some();
        Some(if has_several {
            Arc::new(Sidecar::clone(&sidecar).with_one_implied_listener())
        } else {
            sidecar
        })
    }
}

/// The header of a Sidecar.
#[derive(Debug)]
pub struct SidecarHeaderOf;

impl Query for SidecarHeaderOf {
    type Key = ConfigKey;
    type Value = Option<SidecarHeader>;
    const NAME: &'static str = "sidecar header";
    const STRATUM: Stratum = strata::HEADER;

    fn compute(cx: &Reader<'_>, key: &ConfigKey) -> Self::Value {
        let sidecar = cx.get::<ResolvedSidecar>(key);
        sidecar.as_ref().as_ref().map(|sidecar| SidecarHeader {
            origin: sidecar.origin.clone(),
            created: sidecar.created,
            workload_selector: sidecar.workload_selector.clone(),
        })
    }
}

/// The Sidecars of a namespace, oldest first.
#[derive(Debug)]
pub struct SidecarsIn;

impl Query for SidecarsIn {
    type Key = Namespace;
    type Value = Arc<[SidecarHeader]>;
    const NAME: &'static str = "sidecars of a namespace";
    const STRATUM: Stratum = strata::REGISTRY;

    fn compute(cx: &Reader<'_>, namespace: &Namespace) -> Self::Value {
        let keys = cx.index::<input::ByNamespace<input::Sidecars>>(namespace);
        let headers = keys.iter().filter_map(|key| (*cx.get::<SidecarHeaderOf>(key)).clone());
        let mut headers: Vec<_> = headers.collect();
        headers.sort_by(|a, b| age::compare((a.created, &a.origin), (b.created, &b.origin)));
        headers.into()
    }
}
