//! Finds the fields of objects that are to blame for what a proxy rejects.

use std::{collections::BTreeSet, time::Instant};

use fairlead_config::{ConfigKey, FieldPath, Kind, Origin};
use fairlead_model::{mesh::ResolvedMesh, proxy::BindingOf, scope::ScopeKind};
use fairlead_resource::TypeUrl;
use fairlead_translate::{
    origins::{ResourceOrigins, Which},
    publication::PublicationKey,
};
use fairlead_xds::{NackReport, Publication, Rejected};

use super::{
    nacks::Nacked,
    publish::{find_content, whole_of},
    state::Core,
};
use crate::telemetry;

/// Maximum number of objects blamed for a shared resource. One service has up to three: itself, its DestinationRule and
/// its VirtualService.
const FEW: usize = 3;

impl Core {
    pub(super) fn nack(&mut self, key: &PublicationKey, proxy: &str, report: &NackReport) {
        let latest = self.latest(key);
        let mut origins = BTreeSet::new();
        let at_fault = match (self.access_log_at_fault(&report.message), latest) {
            (Some(mesh), _) => {
                let log: BTreeSet<_> = [Origin::new(&mesh, FieldPath::root())].into();
                report.resources.iter().map(|_| log.clone()).collect()
            }
            (None, Some(latest)) => self.at_fault(key, &latest, report),
            (None, None) => vec![BTreeSet::new(); report.resources.len()],
        };
        for (rejected, at_fault) in report.resources.iter().zip(at_fault) {
            let nacked = Nacked {
                type_url: report.type_url,
                resource: rejected.clone(),
                message: report.message.clone(),
                origins: at_fault,
                proxy: proxy.to_owned(),
            };
            origins.extend(nacked.origins.iter().cloned());
            self.nacks.add(nacked);
        }
        if self.nacks.may_log(Instant::now()) {
            let origins: Vec<_> = origins.iter().map(ToString::to_string).collect();
            telemetry::rejected_by_proxy(
                proxy,
                report.type_url.short(),
                &origins.join(", "),
                &report.message,
            );
        }
        self.note_findings();
        self.note_sizes();
    }

    /// The MeshConfig, if a proxy cannot open the access log file, for which it rejects every listener.
    fn access_log_at_fault(&mut self, message: &str) -> Option<ConfigKey> {
        let lease = self.db.lease::<ResolvedMesh>(&());
        let mesh = lease.value(&self.db);
        self.db.release(lease);
        let path = mesh.access_log_file.as_deref()?;
        let is_it = message.contains(&format!("unable to open file '{path}'"));
        is_it.then(|| mesh.config_map())
    }

    /// A proxy has accepted what it had rejected because its machine lacked something. Another proxy that still lacks
    /// it will report that again at the next attempt.
    pub(super) fn healed(&mut self, type_url: TypeUrl, resources: Vec<Rejected>) {
        let mut some = false;
        for rejected in resources {
            some |= self.nacks.remove(type_url, rejected);
        }
        if some {
            self.note_findings();
            self.note_sizes();
        }
    }

    /// The fields to blame for each of the rejected resources, all in one query, since a response may carry thousands.
    fn at_fault(
        &mut self,
        key: &PublicationKey,
        latest: &Publication,
        report: &NackReport,
    ) -> Vec<BTreeSet<Origin>> {
        let type_url = report.type_url;
        let mut places = Vec::with_capacity(report.resources.len());
        for rejected in &report.resources {
            let found = find_content(latest, type_url, rejected);
            places.push(found.map(|_| whole_of(latest, type_url, &rejected.name)));
        }
        let Some((whole_type, ..)) = places.iter().flatten().next() else {
            return vec![BTreeSet::new(); places.len()];
        };
        let is_table = *whole_type == TypeUrl::ROUTE_CONFIGURATION;
        let named = places.iter().flatten().map(|(_, whole, part)| (&**whole, part.filter(|_| is_table)));
        let told = self.origins(key, *whole_type, &Which::Named(named.collect())).resources;
        let blamed = places.iter().map(|place| {
            let (_, whole, part) = place.as_ref()?;
            Some(self.blamed(key, type_url, told.get(whole)?, *part))
        });
        blamed.map(Option::unwrap_or_default).collect()
    }

    /// The fields to blame for a rejected resource, which may be a part of the one in `told`.
    fn blamed(
        &mut self,
        key: &PublicationKey,
        type_url: TypeUrl,
        told: &ResourceOrigins,
        part: Option<&str>,
    ) -> BTreeSet<Origin> {
        let own = || told.own.iter().cloned().collect();
        match type_url {
            TypeUrl::CLUSTER_LOAD_ASSIGNMENT => of_service(told),
            TypeUrl::LB_ENDPOINT => some_or(of_part(told, part), || of_service(told)),
            TypeUrl::SECRET => some_or(of_kind(&told.own, Kind::Secret), own),
            // Parts at fault are found individually; if the whole listener is rejected, none of them is. A Sidecar may
            // set the address, for which Envoy rejects a listener.
            TypeUrl::LISTENER => some_or(few(told.own.iter().cloned()), || self.sidecar_of(key)),
            TypeUrl::FILTER_CHAIN => few(of_part(told, part)),
            TypeUrl::VIRTUAL_HOST => some_or(of_rules(told, part), || of_services(told, part)),
            TypeUrl::ROUTE_CONFIGURATION => some_or(few(of_rules(told, None)), || of_services(told, None)),
            _ => own(),
        }
    }

    /// The Sidecar that applies to the proxies of a view.
    fn sidecar_of(&mut self, key: &PublicationKey) -> BTreeSet<Origin> {
        let lease = self.db.lease::<BindingOf>(&key.proxy);
        let binding = lease.value(&self.db);
        self.db.release(lease);
        match &binding.scope.kind {
            ScopeKind::Sidecar(sidecar) => [Origin::new(sidecar, FieldPath::root())].into(),
            ScopeKind::Default | ScopeKind::Gateway => BTreeSet::new(),
        }
    }
}

/// The fields, if they are of few objects; empty if more share the resource, since then none of them is to blame.
fn few(origins: impl IntoIterator<Item = Origin>) -> BTreeSet<Origin> {
    let all: BTreeSet<Origin> = origins.into_iter().collect();
    let objects: BTreeSet<_> = all.iter().map(|origin| &origin.object).collect();
    if objects.len() > FEW { BTreeSet::new() } else { all }
}

fn some_or(origins: BTreeSet<Origin>, others: impl FnOnce() -> BTreeSet<Origin>) -> BTreeSet<Origin> {
    if origins.is_empty() { others() } else { origins }
}

fn of_kind(origins: &[Origin], kind: Kind) -> BTreeSet<Origin> {
    origins.iter().filter(|origin| origin.object.kind == kind).cloned().collect()
}

/// The fields of one part of a resource, by its name, or `#` and its place.
fn of_part(told: &ResourceOrigins, part: Option<&str>) -> BTreeSet<Origin> {
    let place = part.and_then(|part| part.strip_prefix('#')).and_then(|place| place.parse::<usize>().ok());
    let is_it = |name: &str| part.is_some_and(|part| name == part || name.ends_with(&format!("/{part}")));
    let found = match place {
        Some(place) => told.parts.get(place),
        None => told.parts.iter().find(|(name, _)| is_it(name)),
    };
    found.into_iter().flat_map(|(_, origins)| origins).cloned().collect()
}

/// The service of a load assignment.
fn of_service(told: &ResourceOrigins) -> BTreeSet<Origin> {
    told.own.iter().filter(|origin| defines_services(origin)).cloned().collect()
}

fn defines_services(origin: &Origin) -> bool {
    matches!(origin.object.kind, Kind::Service | Kind::ServiceEntry)
}

/// The origins of the routes of a table, or of one of its hosts.
fn of_routes<'a>(told: &'a ResourceOrigins, host: Option<&'a str>) -> impl Iterator<Item = &'a Origin> {
    let parts = told.parts.iter().filter(move |(name, _)| host.is_none_or(|host| **name == *host));
    parts.flat_map(|(_, origins)| origins)
}

/// The origins of routes that come from objects with rules.
fn of_rules(told: &ResourceOrigins, host: Option<&str>) -> BTreeSet<Origin> {
    let is_rule = |origin: &&Origin| !defines_services(origin) && origin.object.kind != Kind::DestinationRule;
    of_routes(told, host).filter(is_rule).cloned().collect()
}

/// The services of generated routes, if they are few.
fn of_services(told: &ResourceOrigins, host: Option<&str>) -> BTreeSet<Origin> {
    few(of_routes(told, host).cloned())
}
