//! Findings about namespaces that are referred to and do not exist.

use std::{collections::BTreeSet, sync::Arc};

use fairlead_config::{
    Code, ConfigKey, Diagnostics, FieldPath, Kind, Namespace, Severity, api, near_name, path,
};
use fairlead_incremental::{Query, Reader, Stratum};

use crate::{
    input::{All, ByNamespace, DestinationRules, Gateways, Namespaces, Services, Sidecars, VirtualServices},
    strata,
};

/// The namespaces that have a Namespace object, a Service or a Gateway: candidates for a misspelled name.
#[derive(Debug)]
pub(super) struct KnownNamespaces;

impl Query for KnownNamespaces {
    type Key = ();
    type Value = Arc<BTreeSet<Namespace>>;
    const NAME: &'static str = "known namespaces";
    const STRATUM: Stratum = strata::OBJECT;

    fn compute(cx: &Reader<'_>, (): &()) -> Self::Value {
        let objects = cx.index::<All<Namespaces>>(&());
        let named = objects.iter().map(|key| Namespace::from(key.name.as_str()));
        let (services, gateways) = (cx.index::<All<Services>>(&()), cx.index::<All<Gateways>>(&()));
        let holding = services.iter().chain(gateways.iter()).map(|key| key.namespace.clone());
        Arc::new(named.chain(holding).collect())
    }
}

/// Whether the namespace, or an object in it, is known.
#[derive(Debug)]
struct NamespaceExists;

impl Query for NamespaceExists {
    type Key = Namespace;
    type Value = bool;
    const NAME: &'static str = "namespace exists";
    const STRATUM: Stratum = strata::OBJECT;

    fn compute(cx: &Reader<'_>, name: &Namespace) -> bool {
        cx.input::<Namespaces>(&ConfigKey::new(Kind::Namespace, "", name.as_str())).is_some()
            || !cx.index::<ByNamespace<Services>>(name).is_empty()
            || !cx.index::<ByNamespace<VirtualServices>>(name).is_empty()
            || !cx.index::<ByNamespace<DestinationRules>>(name).is_empty()
            || !cx.index::<ByNamespace<Gateways>>(name).is_empty()
            || !cx.index::<ByNamespace<Sidecars>>(name).is_empty()
    }
}

/// Reports the namespaces among `named` that do not exist.
pub(super) fn check<'a>(
    cx: &Reader<'_>,
    named: impl IntoIterator<Item = (FieldPath, &'a str)>,
    diagnostics: &mut Diagnostics,
) {
    for (path, name) in named {
        let namespace = Namespace::from(name);
        if matches!(name, "" | "." | "*" | "~") || *cx.get::<NamespaceExists>(&namespace) {
            continue;
        }
        let known = cx.get::<KnownNamespaces>(&());
        let near = near_name(name, known.iter().map(Namespace::as_str));
        let (severity, message) = if !cx.index::<All<Namespaces>>(&()).is_empty() {
            (Severity::Warning, format!("there is no namespace `{name}`"))
        } else if near.is_some() {
            (Severity::Info, format!("nothing is known of a namespace `{name}`"))
        } else {
            // Without Namespace objects, a namespace without configuration may still have clients.
            continue;
        };
        let finding = diagnostics.add(severity, Code::UnknownNamespace, path, message);
        if let Some(near) = near {
            finding.help(format!("did you mean `{near}`?"));
        }
    }
}

/// The entries of an `exportTo`.
pub(super) fn export_to(entries: &[String]) -> impl Iterator<Item = (FieldPath, &str)> {
    entries.iter().enumerate().map(|(index, entry)| (path!("exportTo"[index]), entry.as_str()))
}

/// The namespaces that a Gateway's hosts name.
pub(super) fn of_gateway(spec: &api::GatewaySpec) -> impl Iterator<Item = (FieldPath, &str)> {
    spec.servers.iter().enumerate().flat_map(|(server, of_server)| {
        let hosts = of_server.hosts.iter().enumerate();
        hosts.filter_map(move |(index, host)| {
            Some((path!("servers"[server]."hosts"[index]), host.split_once('/')?.0))
        })
    })
}

/// The namespaces that a Sidecar imports from whole or by wildcard; another finding covers single hosts.
pub(super) fn of_sidecar(spec: &api::SidecarSpec) -> impl Iterator<Item = (FieldPath, &str)> {
    spec.egress.iter().enumerate().flat_map(|(listener, egress)| {
        let hosts = egress.hosts.iter().enumerate();
        hosts.filter_map(move |(index, text)| {
            let (namespace, host) = text.split_once('/')?;
            let path = path!("egress"[listener]."hosts"[index]);
            host.contains('*').then(|| (path, namespace.trim_start_matches('~')))
        })
    })
}

/// The client namespaces that routes match.
pub(super) fn of_sources(spec: &api::VirtualServiceSpec) -> impl Iterator<Item = (FieldPath, &str)> {
    spec.http.iter().enumerate().flat_map(|(route, http)| {
        let matches = http.matches.iter().enumerate();
        matches.filter_map(move |(index, condition)| {
            let name = condition.source_namespace.as_deref()?;
            Some((path!("http"[route]."match"[index]."sourceNamespace"), name))
        })
    })
}
