//! The findings about each object, and all of them.

use std::{collections::BTreeSet, sync::Arc};

use fairlead_config::{Code, Config, ConfigKey, Diagnostic, Diagnostics, Kind, Namespace, path};
use fairlead_incremental::{Collect, Query, Reader, Stratum};
use imbl::OrdSet;

use super::{
    claims::{self, OwnerOf},
    context,
    credentials::{self, PlacesOf},
    destination_rule,
    destinations::Known,
    gateway,
    lookups::{
        ForeignRoutesOf, L4ClaimsOf, NarrowerRules, PortClaimsOf, SharedHostsOf, TakesAll,
        VirtualServicesNaming, WildcardCovers,
    },
    meeting::{ConflictsAmong, ConflictsOf, TerminatedBy},
    mtls::{self, AskedAt},
    namespaces, near,
    repeated::{self, NamesAt, NamesOf},
    repeated_services,
    secret::{self, RefusedSecrets, RolesOf, TlsSecrets},
    selectors,
    served::{self, NothingKnown},
    shadow::{self, PathLengths, VirtualServicesAsking},
    sidecar, virtual_service,
    written::Written,
};
use crate::{
    Host, Port, ServiceKey,
    destination_rule::{
        DestinationRule, MergedGroups, MergedRule, ResolvedDestinationRule, RuleFor, RuleForKey, RuleHeaderOf,
    },
    endpoints::{EndpointsOf, HasEndpoints, KnowsWorkloads, ServedOf, is_beyond_share},
    gateway::{ResolvedGateway, ServerTls},
    input::{
        All, DestinationRules, Gateways, KindInput, Now, Refused, Secrets, ServiceEntries, Services,
        Sidecars, VirtualServices,
    },
    mesh::{MeshDiagnostics, ResolvedMesh},
    registry::{self, ServiceByKey, ServiceSummary, ServicesByHost},
    routes::RoutesOf,
    secret::{AUTHORITIES_SUFFIX, SecretPartsOf},
    service::{Registry, ServicesOf},
    sidecar::{SidecarsIn, WrittenSidecar},
    strata,
};

/// The findings about one object, by path.
#[derive(Debug)]
pub struct DiagnosticsOf;

impl Query for DiagnosticsOf {
    type Key = ConfigKey;
    type Value = Arc<[Diagnostic]>;
    const NAME: &'static str = "diagnostics of an object";
    const STRATUM: Stratum = strata::OBJECT_DIAGNOSTICS;

    fn compute(cx: &Reader<'_>, key: &ConfigKey) -> Self::Value {
        let mut list = judge(key.kind).map_or_else(Vec::new, |judge| (judge.findings)(cx, key));
        list.sort();
        list.dedup();
        list.into()
    }
}

/// The findings about the objects of a kind, by object and number. A change of one object costs only its own findings.
struct DiagnosticsOfKind;

impl Collect for DiagnosticsOfKind {
    type Key = Kind;
    type Member = DiagnosticsOf;
    type OutKey = (ConfigKey, usize);
    type OutValue = Diagnostic;
    const NAME: &'static str = "diagnostics of a kind";
    const STRATUM: Stratum = Stratum(strata::OBJECT_DIAGNOSTICS.0 + 1);

    fn members(cx: &Reader<'_>, kind: &Kind) -> OrdSet<ConfigKey> {
        judge(*kind).map_or_else(OrdSet::new, |judge| (judge.objects)(cx))
    }

    fn entries(
        object: &ConfigKey,
        found: &Arc<[Diagnostic]>,
    ) -> impl IntoIterator<Item = (Self::OutKey, Self::OutValue)> {
        let numbered = found.iter().enumerate();
        numbered.map(|(number, diagnostic)| ((object.clone(), number), diagnostic.clone()))
    }
}

/// How the objects of a kind are checked against others.
struct Judge {
    /// The objects to check.
    objects: fn(&Reader<'_>) -> OrdSet<ConfigKey>,
    /// The findings about one object.
    findings: fn(&Reader<'_>, &ConfigKey) -> Vec<Diagnostic>,
}

/// How objects of `kind` are checked; `None` for kinds that are only validated one by one.
fn judge(kind: Kind) -> Option<Judge> {
    macro_rules! judge {
        ($input:ty, $check:ident) => {
            Judge {
                objects: |cx| cx.index::<All<$input>>(&()),
                findings: |cx, key| of::<$input>(cx, key, $check),
            }
        };
    }
    Some(match kind {
        Kind::VirtualService => judge!(VirtualServices, of_virtual_service),
        Kind::DestinationRule => judge!(DestinationRules, of_destination_rule),
        Kind::Gateway => judge!(Gateways, of_gateway),
        Kind::ServiceEntry => judge!(ServiceEntries, of_service_entry),
        Kind::Sidecar => judge!(Sidecars, of_sidecar),
        Kind::Service => judge!(Services, of_service),
        Kind::Secret => Judge { objects: |cx| cx.index::<TlsSecrets>(&()), ..judge!(Secrets, of_secret) },
        Kind::WorkloadEntry
        | Kind::EndpointSlice
        | Kind::Endpoints
        | Kind::Pod
        | Kind::Node
        | Kind::Namespace
        | Kind::ConfigMap => return None,
    })
}

/// All findings about objects in relation to others, and about the MeshConfig, sorted.
#[derive(Debug)]
pub struct AllDiagnostics;

impl Query for AllDiagnostics {
    type Key = ();
    type Value = Arc<[Diagnostic]>;
    const NAME: &'static str = "all diagnostics";
    const STRATUM: Stratum = strata::DIAGNOSTICS;

    fn compute(cx: &Reader<'_>, (): &()) -> Self::Value {
        let mut all: Vec<Diagnostic> = cx.get::<MeshDiagnostics>(&()).to_vec();
        for kind in Kind::ALL.into_iter().filter(|kind| judge(*kind).is_some()) {
            all.extend(cx.collect::<DiagnosticsOfKind>(&kind).values().cloned());
        }
        all.extend((*cx.get::<NothingKnown>(&())).clone());
        all.sort();
        all.into()
    }
}

/// The findings about an object that exists, with their positions.
fn of<I: KindInput>(
    cx: &Reader<'_>,
    key: &ConfigKey,
    check: impl FnOnce(&Reader<'_>, &Config<I::Spec>, &mut Diagnostics),
) -> Vec<Diagnostic> {
    let Some(config) = cx.input::<I>(key) else { return Vec::new() };
    let mut diagnostics = Diagnostics::on_object(key);
    check(cx, &config, &mut diagnostics);
    diagnostics.located(&config.read_from)
}

type Spec<I> = Config<<I as KindInput>::Spec>;

fn of_virtual_service(cx: &Reader<'_>, config: &Spec<VirtualServices>, diagnostics: &mut Diagnostics) {
    let mesh = cx.get::<ResolvedMesh>(&());
    let routes = cx.get::<RoutesOf>(&config.key);
    let Some(routes) = &*routes else { return };
    let rule = |key: &ServiceKey| {
        let key = RuleForKey { client: config.key.namespace.clone(), service: key.clone() };
        let key = (*cx.get::<RuleFor>(&key)).clone()?;
        (*cx.get::<MergedRule>(&key)).clone()
    };
    let namespace = &config.key.namespace;
    let context = context::Context {
        written: Written::new(&config.spec, namespace, &mesh.domain),
        known: Known {
            services: &|host| (*cx.get::<ServicesByHost>(host)).clone(),
            rule: &rule,
            unknown_host: &|host, text| near::host(cx, host, text, namespace, &mesh.domain),
        },
        gateway: &|key| (*cx.get::<ResolvedGateway>(key)).clone(),
        shared: &|place| (*cx.get::<SharedHostsOf>(place)).clone(),
        l4_claims: &|place| (*cx.get::<L4ClaimsOf>(place)).clone(),
        terminated: &|selector, port, name| {
            (*cx.get::<TerminatedBy>(&(selector.clone(), port, name.clone()))).clone()
        },
        names_at: &|place| *cx.get::<NamesAt>(&place),
        virtual_service: &|key| (*cx.get::<RoutesOf>(key)).clone(),
        takes_all: &|key| *cx.get::<TakesAll>(key),
        covers_service: &|host| *cx.get::<WildcardCovers>(host),
        path_lengths: &|host| (*cx.get::<PathLengths>(host)).clone(),
        asking: &|asked| {
            cx.index::<VirtualServicesAsking>(asked).iter().take(shadow::MOST_ASKING).cloned().collect()
        },
        is_refused: &|key| cx.input::<Refused>(key).is_some(),
        near_gateway: &|key| near::gateway(cx, key),
    };
    virtual_service::check(routes, &context, diagnostics);
    check_delegates(cx, config, diagnostics);
    let named = namespaces::export_to(&config.spec.export_to).chain(namespaces::of_sources(&config.spec));
    namespaces::check(cx, named, diagnostics);
}

/// Reports routes that delegate to a VirtualService that does not exist.
fn check_delegates(cx: &Reader<'_>, config: &Spec<VirtualServices>, diagnostics: &mut Diagnostics) {
    for (index, delegate) in
        config.spec.http.iter().enumerate().filter_map(|(i, r)| Some((i, r.delegate.as_ref()?)))
    {
        let namespace = delegate.namespace.as_deref().filter(|name| !name.is_empty());
        let namespace = namespace.unwrap_or(config.key.namespace.as_str());
        let Some(name) = delegate.name.as_deref().filter(|name| !name.is_empty()) else { continue };
        let key = ConfigKey::new(Kind::VirtualService, namespace, name);
        if cx.input::<VirtualServices>(&key).is_some() {
            continue;
        }
        let path = path!("http"[index]."delegate"."name");
        if cx.input::<Refused>(&key).is_some() {
            let message = format!("{key} is refused for its errors");
            diagnostics.warn(Code::UnknownDelegate, path, message).help("correct it");
            continue;
        }
        let finding = diagnostics.warn(Code::UnknownDelegate, path, format!("there is no {key}"));
        if let Some(near) = near::virtual_service(cx, &key) {
            finding.help(near);
        }
    }
}

fn of_destination_rule(cx: &Reader<'_>, config: &Spec<DestinationRules>, diagnostics: &mut Diagnostics) {
    let mesh = cx.get::<ResolvedMesh>(&());
    let rule = cx.get::<ResolvedDestinationRule>(&config.key);
    let Some(rule) = &*rule else { return };
    let services = cx.get::<ServicesByHost>(&rule.host);
    let endpoints: Vec<_> = if rule.subsets.is_empty() {
        Vec::new()
    } else {
        services.iter().map(|service| (*cx.get::<EndpointsOf>(&service.key)).clone()).collect()
    };
    let groups = cx.get::<MergedGroups>(&config.key.namespace);
    let group = groups.get(&config.key);
    let merged = group.and_then(|key| (*cx.get::<MergedRule>(key)).clone());
    let narrower = if rule.host.is_wildcard() {
        (*cx.get::<NarrowerRules>(&(config.key.namespace.clone(), rule.host.clone()))).clone()
    } else {
        Default::default()
    };
    let has_service = has_service(cx, rule, !services.is_empty());
    let unknown_host = || near::host(cx, &rule.host, &config.spec.host, &config.key.namespace, &mesh.domain);
    let context = destination_rule::Context {
        narrower: &narrower,
        has_service,
        unknown_host: if has_service { None } else { unknown_host() },
        services: &services,
        endpoints: &endpoints,
        merged: merged.as_deref(),
        first: group.and_then(|key| key.objects.first()),
        created: &|key| cx.get::<RuleHeaderOf>(key).as_ref().as_ref().and_then(|header| header.created),
    };
    destination_rule::check(rule, &context, diagnostics);
    check_mtls(cx, rule, &services, diagnostics);
    namespaces::check(cx, namespaces::export_to(&config.spec.export_to), diagnostics);
    let path = path!("workloadSelector");
    selectors::check(cx, &config.key.namespace, rule.workload_selector.as_ref(), path, diagnostics);
    // Without a selector it applies to gateways in any namespace.
    let place = rule.workload_selector.as_ref().map(|_| config.key.namespace.clone());
    let places = place.into_iter().collect();
    with_secrets(cx, ("the workloads of the rule", &places), |context| {
        credentials::check_rule(&config.spec, context, diagnostics);
    });
}

/// Compares a rule's TLS settings with the gateways behind its services.
fn check_mtls(
    cx: &Reader<'_>,
    rule: &DestinationRule,
    services: &[ServiceSummary],
    diagnostics: &mut Diagnostics,
) {
    if rule.tls().next().is_none() {
        return;
    }
    for summary in services {
        if let Some(service) = (*cx.get::<ServiceByKey>(&summary.key)).clone()
            && let Some(selector) = &service.selector
            && service.registry == Registry::Kubernetes
        {
            mtls::check(rule, &service, &cx.get::<AskedAt>(selector), diagnostics);
        }
    }
}

fn has_service(cx: &Reader<'_>, rule: &DestinationRule, exact: bool) -> bool {
    exact || (rule.host.is_wildcard() && *cx.get::<WildcardCovers>(&rule.host))
}

fn of_gateway(cx: &Reader<'_>, config: &Spec<Gateways>, diagnostics: &mut Diagnostics) {
    let resolved = cx.get::<ResolvedGateway>(&config.key);
    let Some(resolved) = &*resolved else { return };
    let (conflicts, none) = (cx.get::<ConflictsAmong>(&resolved.selector), ConflictsOf::default());
    let context = gateway::Context { conflicts: conflicts.get(&resolved.origin).unwrap_or(&none) };
    gateway::check(resolved, &context, diagnostics);
    namespaces::check(cx, namespaces::of_gateway(&config.spec), diagnostics);
    selectors::check_gateway(cx, &resolved.selector, path!("selector"), diagnostics);
    let places = if resolved.servers.iter().any(|server| matches!(server.tls, ServerTls::Terminate(_))) {
        (*cx.get::<PlacesOf>(&resolved.selector)).clone()
    } else {
        Arc::default()
    };
    with_secrets(cx, ("the Pods of the gateway", &places), |context| {
        credentials::check_gateway(resolved, &config.spec, context, diagnostics);
    });
}

/// Calls `check` with the context of an object that names Secrets.
fn with_secrets(
    cx: &Reader<'_>,
    (who, places): (&str, &BTreeSet<Namespace>),
    check: impl FnOnce(&credentials::Context<'_>),
) {
    check(&credentials::Context {
        namespaces: &|name| credentials::namespaces_with(cx, name),
        parts: &|namespace, name| {
            (*cx.get::<SecretPartsOf>(&ConfigKey::new(Kind::Secret, namespace.clone(), name))).clone()
        },
        refused: &|name| cx.index::<RefusedSecrets>(&name.into()).iter().next().cloned(),
        who,
        places,
    });
}

fn of_secret(cx: &Reader<'_>, config: &Spec<Secrets>, diagnostics: &mut Diagnostics) {
    let other = config.key.name.as_str().strip_suffix(AUTHORITIES_SUFFIX);
    let context = secret::Context {
        roles: *cx.get::<RolesOf>(&config.key.name),
        for_another: other.is_some_and(|other| cx.get::<RolesOf>(&other.into()).authorities),
        now: &|| cx.input::<Now>(&()).map(|now| *now),
    };
    if let Some(parts) = &*cx.get::<SecretPartsOf>(&config.key) {
        secret::check(parts, &context, diagnostics);
    }
}

fn of_sidecar(cx: &Reader<'_>, config: &Spec<Sidecars>, diagnostics: &mut Diagnostics) {
    let resolved = cx.get::<WrittenSidecar>(&config.key);
    let Some(resolved) = &*resolved else { return };
    let mesh = cx.get::<ResolvedMesh>(&());
    let is_for_all = mesh.root_namespace == config.key.namespace && resolved.workload_selector.is_none();
    let context = sidecar::Context {
        siblings: &cx.get::<SidecarsIn>(&config.key.namespace),
        inbound_port: mesh.inbound_port,
        outbound_port: mesh.outbound_port,
        is_for_all,
        services: &|host: &Host| (*cx.get::<ServicesByHost>(host)).clone(),
        route_sets: &|host: &Host| (*cx.get::<VirtualServicesNaming>(host)).clone(),
        unknown_host: &|host: &Host| near::host(cx, host, host.as_str(), &config.key.namespace, &mesh.domain),
    };
    sidecar::check(resolved, &context, diagnostics);
    namespaces::check(cx, namespaces::of_sidecar(&config.spec), diagnostics);
    let path = path!("workloadSelector");
    selectors::check(cx, &config.key.namespace, resolved.workload_selector.as_ref(), path, diagnostics);
}

fn of_service(cx: &Reader<'_>, config: &Spec<Services>, diagnostics: &mut Diagnostics) {
    let own = cx.get::<ServicesOf>(&config.key);
    for service in own.iter() {
        if let Some(routes) = &*cx.get::<ForeignRoutesOf>(&service.key) {
            super::service::check_foreign(routes, diagnostics);
        }
        let owner = |place: &claims::Place| (*cx.get::<OwnerOf>(place)).clone();
        claims::check(service, &|_| path!("clusterIP"), &owner, diagnostics);
        let at = |port: &Port| match config.spec.ports.iter().position(|p| p.port == u32::from(port.number)) {
            Some(index) => path!("ports"[index]),
            None => path!("ports"),
        };
        super::service::check_reserved(service, &cx.get::<ResolvedMesh>(&()), &at, diagnostics);
        if *cx.get::<KnowsWorkloads>(&())
            && let Some(served) = &*cx.get::<ServedOf>(&config.key)
        {
            served::check(service, &config.spec, served, diagnostics);
        }
    }
    let Some(selector) = own.first().and_then(|service| service.selector.clone()) else { return };
    super::service::check_share(
        own.iter().any(|service| is_beyond_share(cx, service)),
        path!("selector"),
        diagnostics,
    );
    let claims = cx.get::<PortClaimsOf>(&(config.key.namespace.clone(), selector));
    for service in own.iter() {
        super::service::check(service, &claims, diagnostics);
    }
}

fn of_service_entry(cx: &Reader<'_>, config: &Spec<ServiceEntries>, diagnostics: &mut Diagnostics) {
    let owner = |place: &claims::Place| (*cx.get::<OwnerOf>(place)).clone();
    let own = cx.get::<ServicesOf>(&config.key);
    let spent = own.iter().any(|service| is_beyond_share(cx, service));
    super::service::check_share(spent, path!("workloadSelector"), diagnostics);
    namespaces::check(cx, namespaces::export_to(&config.spec.export_to), diagnostics);
    for service in own.iter() {
        if service.selector.is_some() && !spent && *cx.get::<KnowsWorkloads>(&()) {
            let has_endpoints = *cx.get::<HasEndpoints>(&service.key);
            served::check_entry(service, has_endpoints, diagnostics);
        }
        let at = config.spec.hosts.iter().position(|host| Host::new(host) == service.key.host);
        let path = at.map_or(path!("hosts"), |at| path!("hosts"[at]));
        let definitions = registry::definitions(cx, &service.key);
        let elsewhere = cx.get::<ServicesByHost>(&service.key.host);
        repeated_services::check(service, &definitions, &elsewhere, &path, diagnostics);
        claims::check(service, &|at| claims::field_of_entry(&config.spec, at), &owner, diagnostics);
        let at = |port: &Port| match config.spec.ports.iter().position(|p| p.number == u32::from(port.number))
        {
            Some(index) => path!("ports"[index]),
            None => path!("ports"),
        };
        super::service::check_reserved(service, &cx.get::<ResolvedMesh>(&()), &at, diagnostics);
        let ranges = repeated::ranges_of(service);
        if !ranges.is_empty() {
            for port in service.ports.iter().filter(|port| port.protocol.is_tls()) {
                let others =
                    cx.get::<NamesAt>(&NamesOf::Mesh(port.number)).saturating_sub(config.spec.hosts.len());
                repeated::check(&ranges, others, port.number, path!("addresses"), diagnostics);
            }
        }
        if let Some(routes) = &*cx.get::<ForeignRoutesOf>(&service.key) {
            super::service::check_foreign(routes, diagnostics);
        }
    }
}
