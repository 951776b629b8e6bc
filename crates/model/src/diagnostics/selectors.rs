//! Findings about selectors that match no workload. Nothing is reported if not all workloads are known.

use fairlead_config::{Code, ConfigKey, Diagnostics, FieldPath, LabelSet, Namespace};
use fairlead_incremental::{Query, Reader, Stratum};

use super::{meeting::services_with, namespaces::KnownNamespaces, served::text};
use crate::{
    endpoints::{KnowsWorkloads, SelectsWorkload, ServedOf},
    input::{All, Namespaces, SelectingServices, SelectorBucket},
    service::ServicesOf,
    strata,
};

/// Whether the selector of a Gateway selects a workload, in any namespace.
#[derive(Debug)]
struct SelectsProxy;

impl Query for SelectsProxy {
    type Key = LabelSet;
    type Value = bool;
    const NAME: &'static str = "whether the selector of a gateway selects a workload";
    const STRATUM: Stratum = strata::SCOPE;

    fn compute(cx: &Reader<'_>, selector: &LabelSet) -> bool {
        // A Service usually selects them, which saves a scan of the Pods.
        let selects_them =
            |own: &Option<LabelSet>| own.as_ref().is_some_and(|own| own.contains_all(selector));
        let services = services_with(cx, selector);
        let mut services = services.iter().filter(|service| selects_them(&service.selector));
        let is_served = |served: &Option<_>| {
            served.as_ref().is_some_and(|s: &std::sync::Arc<crate::endpoints::Served>| s.has_any)
        };
        services.any(|service| is_served(&cx.get::<ServedOf>(&service.origin)))
            || cx
                .get::<KnownNamespaces>(&())
                .iter()
                .any(|name| *cx.get::<SelectsWorkload>(&(name.clone(), selector.clone())))
    }
}

/// Whether every workload is known. A directory may serve proxies that are not described in it, but where Namespaces
/// are read, so is the rest of a cluster.
fn knows_all(cx: &Reader<'_>) -> bool {
    *cx.get::<KnowsWorkloads>(&()) && !cx.index::<All<Namespaces>>(&()).is_empty()
}

/// Reports the selector of a Gateway that selects no workload.
pub(super) fn check_gateway(
    cx: &Reader<'_>,
    selector: &LabelSet,
    path: FieldPath,
    diagnostics: &mut Diagnostics,
) {
    if !selector.is_empty() && knows_all(cx) && !*cx.get::<SelectsProxy>(selector) {
        let message = format!("no Pod and no WorkloadEntry has the labels {}", text(selector));
        diagnostics
            .warn(Code::SelectorMatchesNothing, path, message)
            .help("write labels of the gateway's Pods");
    }
}

/// Reports a selector for workloads of the object's own namespace that selects none.
pub(super) fn check(
    cx: &Reader<'_>,
    namespace: &Namespace,
    selector: Option<&LabelSet>,
    path: FieldPath,
    diagnostics: &mut Diagnostics,
) {
    let Some(selector) = selector.filter(|selector| !selector.is_empty()) else { return };
    if knows_all(cx) && !selects(cx, namespace, selector) {
        let message = format!(
            "no Pod and no WorkloadEntry of namespace `{namespace}` has the labels {}",
            text(selector)
        );
        diagnostics.warn(Code::SelectorMatchesNothing, path, message).help("correct the labels");
    }
}

fn selects(cx: &Reader<'_>, namespace: &Namespace, selector: &LabelSet) -> bool {
    let services = cx.index::<SelectingServices>(&SelectorBucket::of_selector(namespace, selector.iter()));
    let is_for_all = |key: &ConfigKey| {
        cx.get::<ServicesOf>(key)
            .iter()
            .any(|s| s.selector.as_ref().is_some_and(|own| own.contains_all(selector)))
    };
    let is_served =
        |key: &ConfigKey| cx.get::<ServedOf>(key).as_ref().as_ref().is_some_and(|served| served.has_any);
    services.iter().any(|key| is_for_all(key) && is_served(key))
        || *cx.get::<SelectsWorkload>(&(namespace.clone(), selector.clone()))
}
