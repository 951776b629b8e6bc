//! Rejections by proxies, as findings about the objects at fault.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use fairlead_config::{Code, ConfigKey, Diagnostic, FieldPath, Kind, Origin, Severity, Subject};
use fairlead_resource::TypeUrl;
use fairlead_xds::Rejected;

use super::{publish::find_content, views::Views};
use crate::{diagnostics::Window, telemetry};

/// Maximum number of rejected contents kept; a bound on memory, far above what a person reads.
const KEPT: usize = 1024;

/// Maximum number of rejections logged in a window.
const LOGGED: usize = 10;

/// A content that a proxy has rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nacked {
    /// The type.
    pub type_url: TypeUrl,
    /// The resource, and the digest of the rejected content.
    pub resource: Rejected,
    /// Envoy's message, cut down to 1 KiB in its middle.
    pub message: String,
    /// The fields from which the resource was made, as far as they are to blame.
    pub origins: BTreeSet<Origin>,
    /// The first proxy that rejected it.
    pub proxy: String,
}

impl Nacked {
    /// Each object from which the resource was made, with the innermost field that contains all its origins there.
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
    pub(super) known: BTreeMap<(TypeUrl, Rejected), Nacked>,
    window: Window<LOGGED>,
}

impl Nacks {
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    /// Keeps a rejected content, as the first proxy reported it, as long as there is room.
    pub(super) fn add(&mut self, nacked: Nacked) {
        if self.known.len() < KEPT {
            self.known.entry((nacked.type_url, nacked.resource.clone())).or_insert(nacked);
        }
    }

    /// Whether a line may be logged now.
    pub(super) fn may_log(&mut self, now: Instant) -> bool {
        let (admitted, left_out) = self.window.admit(1, now);
        if left_out > 0 {
            telemetry::rejections_suppressed(left_out);
        }
        admitted > 0
    }

    /// Forgets a content. Returns whether it was known.
    pub(super) fn remove(&mut self, type_url: TypeUrl, content: Rejected) -> bool {
        self.known.remove(&(type_url, content)).is_some()
    }

    /// Forgets contents that no view publishes any longer: they were corrected.
    pub(super) fn retain_published(&mut self, views: &Views) {
        if self.known.is_empty() {
            return;
        }
        let publications: Vec<_> = views.publications().collect();
        self.known.retain(|(type_url, rejected), _| {
            publications.iter().any(|publication| find_content(publication, *type_url, rejected).is_some())
        });
    }

    /// One finding for each object and resource, or about the proxy if no object is known. A MeshConfig has only one
    /// finding, as all resources are rejected for the same reason.
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
