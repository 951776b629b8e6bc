//! What proxies have rejected, as findings about the objects at fault.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use fairlead_config::{Code, ConfigKey, Diagnostic, FieldPath, Kind, Severity, Subject};
use fairlead_model::{mesh::ResolvedMesh, proxy::BindingOf, scope::ScopeKind};
use fairlead_resource::{TypeUrl, collection::Collection};
use fairlead_translate::publication::PublicationKey;
use fairlead_xds::parts::Parts;
use fairlead_xds::{NackReport, Publication, Rejected};

use super::{Core, publish::find_content, views::Views};
use crate::{provenance, telemetry};

/// How many rejected contents are kept; a bound on memory, far above what a person reads.
const KEPT: usize = 1024;

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
    /// The objects that the resource was made from, as far as they are known.
    pub origins: BTreeSet<ConfigKey>,
    /// The first proxy that rejected it.
    pub proxy: String,
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
            for origin in &nacked.origins {
                if origin.kind != Kind::ConfigMap {
                    all.push(finding(nacked, Subject::Object(origin.clone())));
                    continue;
                }
                let first = || (finding(nacked, Subject::Object(origin.clone())), 0);
                of_mesh.entry(origin).or_insert_with(first).1 += 1;
            }
            if nacked.origins.is_empty() {
                all.push(finding(nacked, Subject::Proxy(nacked.proxy.as_str().into())));
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

fn finding(nacked: &Nacked, on: Subject) -> Diagnostic {
    let message = format!("Envoy rejects {} `{}`: {}", nacked.type_url, nacked.resource.name, nacked.message);
    let mut finding = Diagnostic::new(Severity::Error, on, Code::RejectedByProxy, FieldPath::root(), message);
    finding.help("proxies keep the last good version until this is corrected");
    finding
}

impl Core {
    pub(super) fn nack(&mut self, key: &PublicationKey, proxy: &str, report: &NackReport) {
        let latest = self.views.latest(key);
        let mut origins = BTreeSet::new();
        let log = self.access_log_at_fault(&report.message);
        for rejected in &report.resources {
            let found = match (&log, latest.as_ref()) {
                (Some(mesh), _) => Some([mesh.clone()].into()),
                (None, latest) => latest.map(|latest| self.at_fault(key, latest, report.type_url, rejected)),
            };
            let nacked = Nacked {
                type_url: report.type_url,
                resource: rejected.clone(),
                message: report.message.clone(),
                origins: found.unwrap_or_default(),
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

    /// The objects that a rejected resource was made from.
    fn at_fault(
        &mut self,
        key: &PublicationKey,
        latest: &Publication,
        type_url: TypeUrl,
        rejected: &Rejected,
    ) -> BTreeSet<ConfigKey> {
        let Some(resource) = find_content(latest, type_url, rejected) else { return BTreeSet::new() };
        let origins = match type_url {
            // Neither carries metadata.
            TypeUrl::CLUSTER_LOAD_ASSIGNMENT | TypeUrl::LB_ENDPOINT => {
                let cluster = cluster_of(type_url, &rejected.name);
                provenance::of_endpoints(cluster.as_deref().unwrap_or_default(), latest, &self.objects)
            }
            TypeUrl::SECRET => {
                let secret = provenance::of_secret(&rejected.name, &key.proxy.namespace, &self.objects);
                if secret.is_empty() {
                    provenance::that_name(&rejected.name, latest, &self.objects)
                } else {
                    secret
                }
            }
            // Its parts are found to be at fault by themselves; if the whole is, it is none of them.
            TypeUrl::LISTENER => {
                let head = Parts::of(type_url, &resource).map(|parts| parts.head());
                provenance::of_resource(type_url, head.as_ref().unwrap_or(&resource), &self.objects)
            }
            TypeUrl::ROUTE_CONFIGURATION => provenance::few_of_resource(type_url, &resource, &self.objects),
            _ => provenance::of_resource(type_url, &resource, &self.objects),
        };
        // An outbound listener is what the services of a port share, and names none of them; where it is, which is
        // what Envoy refuses of one, a Sidecar says. Without one it is the services that ask for it.
        match type_url {
            TypeUrl::LISTENER if origins.is_empty() => match self.sidecar_of(key) {
                Some(sidecar) => [sidecar].into(),
                None => provenance::behind(type_url, &resource, latest, &self.objects),
            },
            TypeUrl::FILTER_CHAIN | TypeUrl::ROUTE_CONFIGURATION | TypeUrl::VIRTUAL_HOST
                if origins.is_empty() =>
            {
                provenance::behind(type_url, &resource, latest, &self.objects)
            }
            _ => origins,
        }
    }

    /// The Sidecar that applies to the proxies of a view.
    fn sidecar_of(&mut self, key: &PublicationKey) -> Option<ConfigKey> {
        let lease = self.db.lease::<BindingOf>(&key.proxy);
        let binding = lease.value(&self.db);
        self.db.release(lease);
        match &binding.scope.kind {
            ScopeKind::Sidecar(sidecar) => Some(sidecar.clone()),
            ScopeKind::Default | ScopeKind::Gateway => None,
        }
    }

    /// What proxies have rejected and is still published.
    pub fn nacked(&self) -> Vec<Nacked> {
        self.nacks.list()
    }
}

/// The cluster that a load assignment or one of its endpoints is for.
fn cluster_of(type_url: TypeUrl, name: &str) -> Option<String> {
    match type_url {
        TypeUrl::CLUSTER_LOAD_ASSIGNMENT => Some(name.to_owned()),
        TypeUrl::LB_ENDPOINT => Collection::of_endpoint(name).map(|of| of.cluster().to_owned()),
        _ => None,
    }
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
