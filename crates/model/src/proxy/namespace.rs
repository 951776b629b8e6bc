//! The namespace that a proxy's own is seen as: none, unless an object makes a difference for it.
//!
//! Clients claim their own namespaces. The mesh looks the same from all namespaces that no object is in or names, so
//! their proxies share one view, however many such namespaces clients make up.

use std::{fmt::Debug, marker::PhantomData};

use fairlead_config::{Config, ConfigKey, Namespace, api};
use fairlead_incremental::{Index, Query, Reader, Stratum};

use crate::{
    input::{DestinationRules, KindInput, Secrets, ServiceEntries, Services, Sidecars, VirtualServices},
    mesh::{Mesh, ResolvedMesh},
    service::{EXPORT_TO, Visibility},
    strata,
};

/// A kind whose objects make a difference for proxies of some namespaces, at least their own.
pub trait Concerning: KindInput + Debug {
    /// The name of [`ByConcerned`] of this input.
    const BY_CONCERNED: &'static str;

    /// The namespaces that an object names.
    fn named(_: &Config<Self::Spec>) -> Vec<&str> {
        Vec::new()
    }
}

impl Concerning for Sidecars {
    const BY_CONCERNED: &'static str = "sidecars by concerned namespace";
}

impl Concerning for Secrets {
    const BY_CONCERNED: &'static str = "secrets by concerned namespace";
}

impl Concerning for Services {
    const BY_CONCERNED: &'static str = "services by concerned namespace";

    fn named(service: &Config<api::ServiceSpec>) -> Vec<&str> {
        service.annotations.get(EXPORT_TO).unwrap_or_default().split(',').collect()
    }
}

impl Concerning for ServiceEntries {
    const BY_CONCERNED: &'static str = "service entries by concerned namespace";

    fn named(entry: &Config<api::ServiceEntrySpec>) -> Vec<&str> {
        entry.spec.export_to.iter().map(String::as_str).collect()
    }
}

impl Concerning for DestinationRules {
    const BY_CONCERNED: &'static str = "destination rules by concerned namespace";

    fn named(rule: &Config<api::DestinationRuleSpec>) -> Vec<&str> {
        rule.spec.export_to.iter().map(String::as_str).collect()
    }
}

impl Concerning for VirtualServices {
    const BY_CONCERNED: &'static str = "virtual services by concerned namespace";

    fn named(service: &Config<api::VirtualServiceSpec>) -> Vec<&str> {
        let spec = &service.spec;
        let http = spec.http.iter().flat_map(|route| &route.matches).map(|m| &m.source_namespace);
        let tls = spec.tls.iter().flat_map(|route| &route.matches).map(|m| &m.source_namespace);
        let tcp = spec.tcp.iter().flat_map(|route| &route.matches).map(|m| &m.source_namespace);
        let sources = http.chain(tls).chain(tcp).flatten();
        spec.export_to.iter().chain(sources).map(String::as_str).collect()
    }
}

/// The objects of a kind by the namespaces for whose proxies they make a difference.
#[derive(Debug)]
pub struct ByConcerned<I>(PhantomData<I>);

impl<I: Concerning> Index for ByConcerned<I> {
    type Input = I;
    type Bucket = Namespace;
    const NAME: &'static str = I::BY_CONCERNED;

    fn buckets(key: &ConfigKey, config: &Config<I::Spec>) -> Vec<Namespace> {
        let mut concerned: Vec<Namespace> =
            I::named(config).into_iter().map(|name| Namespace::from(name.trim())).collect();
        concerned.push(key.namespace.clone());
        concerned.sort();
        concerned.dedup();
        concerned
    }
}

/// The namespace that proxies of a namespace are seen in: the same, or the empty one, which has no objects.
#[derive(Debug)]
pub struct SeenAs;

impl Query for SeenAs {
    type Key = Namespace;
    type Value = Namespace;
    const NAME: &'static str = "namespace as it is seen";
    const STRATUM: Stratum = strata::OBJECT;

    fn compute(cx: &Reader<'_>, namespace: &Namespace) -> Namespace {
        let differs = !cx.index::<ByConcerned<Services>>(namespace).is_empty()
            || !cx.index::<ByConcerned<VirtualServices>>(namespace).is_empty()
            || !cx.index::<ByConcerned<DestinationRules>>(namespace).is_empty()
            || !cx.index::<ByConcerned<ServiceEntries>>(namespace).is_empty()
            || !cx.index::<ByConcerned<Sidecars>>(namespace).is_empty()
            || !cx.index::<ByConcerned<Secrets>>(namespace).is_empty()
            || is_named_by(&cx.get::<ResolvedMesh>(&()), namespace);
        if differs { namespace.clone() } else { Namespace::from("") }
    }
}

/// Whether a namespace is the root namespace or named in the mesh's defaults for `exportTo`.
fn is_named_by(mesh: &Mesh, namespace: &Namespace) -> bool {
    let defaults = [
        &mesh.default_service_export_to,
        &mesh.default_virtual_service_export_to,
        &mesh.default_destination_rule_export_to,
    ];
    let names = |visibility: &Visibility| match visibility {
        Visibility::Namespaces(namespaces) => namespaces.contains(namespace),
        Visibility::Public | Visibility::None => false,
    };
    *namespace == mesh.root_namespace || defaults.into_iter().any(names)
}
