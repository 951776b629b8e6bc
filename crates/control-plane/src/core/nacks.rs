//! What proxies have rejected, as findings about the objects at fault.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use fairlead_config::{Code, ConfigKey, Diagnostic, FieldPath, Kind, Origin, Severity, Subject};
use fairlead_model::{mesh::ResolvedMesh, proxy::BindingOf, scope::ScopeKind};
use fairlead_resource::TypeUrl;
use fairlead_translate::{
    origins::{ResourceOrigins, Which},
    publication::PublicationKey,
};
use fairlead_xds::{NackReport, Publication, Rejected};

use super::{
    Core,
    publish::{find_content, whole_of},
    views::Views,
};
use crate::telemetry;

/// How many rejected contents are kept; a bound on memory, far above what a person reads.
const KEPT: usize = 1024;

/// Objects that are blamed at most for what several share. One service has up to three: itself, its DestinationRule and
/// its VirtualService.
const FEW: usize = 3;

/// So many rejections are logged in each window.
const LOGGED: u64 = 10;
const WINDOW: Duration = Duration::from_secs(60);

/// A content that a proxy has rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nacked {
    /// The type.
    pub type_url: TypeUrl,
    /// The resource, and the digest of what was rejected.
    pub resource: Rejected,
    /// Envoy's message, 1 KiB of it: its beginning and its end.
    pub message: String,
    /// The fields that the resource was made from, as far as they are to blame.
    pub origins: BTreeSet<Origin>,
    /// The first proxy that rejected it.
    pub proxy: String,
}

impl Nacked {
    /// Each object that the resource was made from, with the field that all that it was made from there is a part of.
    pub fn fields(&self) -> BTreeMap<&ConfigKey, FieldPath> {
        let mut fields: BTreeMap<&ConfigKey, FieldPath> = BTreeMap::new();
        for Origin { object, field } in &self.origins {
            let all = fields.entry(object).or_insert_with(|| field.clone());
            *all = all.common(field);
        }
        fields
    }
}

/// The rejected contents that are still published.
#[derive(Default)]
pub(crate) struct Nacks {
    known: BTreeMap<(TypeUrl, Rejected), Nacked>,
    window: Window,
}

impl Nacks {
    pub(crate) fn len(&self) -> usize {
        self.known.len()
    }

    pub(crate) fn list(&self) -> Vec<Nacked> {
        self.known.values().cloned().collect()
    }

    /// Forgets what no view publishes any more: it was corrected.
    pub(super) fn retain_published(&mut self, views: &Views) {
        if self.known.is_empty() {
            return;
        }
        let publications: Vec<_> = views.publications().collect();
        self.known.retain(|(type_url, rejected), _| {
            publications.iter().any(|publication| find_content(publication, *type_url, rejected).is_some())
        });
    }

    /// One finding for each object and resource; about the proxy where no object is known. One about a MeshConfig stands for
    /// all, as every resource is at fault for the same.
    pub(super) fn diagnostics(&self) -> Vec<Diagnostic> {
        let mut of_mesh: BTreeMap<&ConfigKey, (Diagnostic, usize)> = BTreeMap::new();
        let mut all = Vec::new();
        for nacked in self.known.values() {
            for (object, field) in nacked.fields() {
                let finding = finding(nacked, Subject::Object(object.clone()), field);
                if object.kind == Kind::ConfigMap {
                    of_mesh.entry(object).or_insert((finding, 0)).1 += 1;
                } else {
                    all.push(finding);
                }
            }
            if nacked.origins.is_empty() {
                all.push(finding(nacked, Subject::Proxy(nacked.proxy.as_str().into()), FieldPath::root()));
            }
        }
        all.extend(of_mesh.into_values().map(|(mut finding, number)| {
            if number > 1 {
                finding.message =
                    format!("{}; and {} more for the same", finding.message.trim_end(), number - 1);
            }
            finding
        }));
        all
    }
}

fn finding(nacked: &Nacked, on: Subject, path: FieldPath) -> Diagnostic {
    let message = format!("Envoy rejects {} `{}`: {}", nacked.type_url, nacked.resource.name, nacked.message);
    let mut finding = Diagnostic::new(Severity::Error, on, Code::RejectedByProxy, path, message);
    finding.help("proxies keep the last good version until this is corrected");
    finding
}

impl Core {
    pub(super) fn nack(&mut self, key: &PublicationKey, proxy: &str, report: &NackReport) {
        let latest = self.views.latest(key);
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
            if self.nacks.known.len() < KEPT {
                self.nacks.known.entry((report.type_url, rejected.clone())).or_insert(nacked);
            }
        }
        if self.nacks.window.admits(Instant::now()) {
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

    /// The MeshConfig, where a proxy cannot open the file of access logs: it refuses each listener for it.
    fn access_log_at_fault(&mut self, message: &str) -> Option<ConfigKey> {
        let lease = self.db.lease::<ResolvedMesh>(&());
        let mesh = lease.value(&self.db);
        self.db.release(lease);
        let path = mesh.access_log_file.as_deref()?;
        let is_it = message.contains(&format!("unable to open file '{path}'"));
        is_it.then(|| mesh.config_map())
    }

    /// A proxy has accepted what it had rejected for want of something. Where another proxy lacks it still, that
    /// one will say so again when it is tried there.
    pub(super) fn healed(&mut self, type_url: TypeUrl, resources: Vec<Rejected>) {
        let mut some = false;
        for rejected in resources {
            some |= self.nacks.known.remove(&(type_url, rejected)).is_some();
        }
        if some {
            self.note_findings();
            self.note_sizes();
        }
    }

    /// The fields that each of the rejected resources was made from, as far as they are to blame: all are asked about at
    /// once, since a response may carry thousands.
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

    /// The fields to blame for a rejected resource, which may be a part of what is told.
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
            // Its parts are found to be at fault by themselves; if the whole is, it is none of them. Where it is, which
            // is what Envoy refuses of one, a Sidecar may say.
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

    /// What proxies have rejected and is still published.
    pub fn nacked(&self) -> Vec<Nacked> {
        self.nacks.list()
    }
}

/// The fields of few objects; none where more share the resource, since then none of them is to blame.
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

/// The service that a load assignment is of.
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

/// The routes that somebody has written.
fn of_rules(told: &ResourceOrigins, host: Option<&str>) -> BTreeSet<Origin> {
    let is_rule = |origin: &&Origin| !defines_services(origin) && origin.object.kind != Kind::DestinationRule;
    of_routes(told, host).filter(is_rule).cloned().collect()
}

/// The services of routes that nobody has written, if they are few.
fn of_services(told: &ResourceOrigins, host: Option<&str>) -> BTreeSet<Origin> {
    few(of_routes(told, host).cloned())
}

/// Bounds how many lines are logged.
#[derive(Default)]
struct Window {
    since: Option<Instant>,
    seen: u64,
}

impl Window {
    fn admits(&mut self, now: Instant) -> bool {
        if self.since.is_none_or(|since| now.duration_since(since) >= WINDOW) {
            if self.seen > LOGGED {
                telemetry::rejections_suppressed(self.seen - LOGGED);
            }
            (self.since, self.seen) = (Some(now), 0);
        }
        self.seen += 1;
        self.seen <= LOGGED
    }
}
