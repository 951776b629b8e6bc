//! The column SOURCE: the fields from which a row was made.

use fairlead_control_plane::{dump::Part, origin::Origin};
use serde_json::Value;

use super::configuration::{Entry, list};

/// Maximum number of fields shown in a row.
const SHOWN: usize = 3;

/// The origins of a resource: from the control plane or, in Envoy's own dump, from its metadata.
#[derive(Clone, Copy)]
pub(super) enum From<'a> {
    Told(&'a [Origin]),
    Metadata(&'a Value),
}

impl<'a> From<'a> {
    /// The origins of a whole resource.
    pub(super) fn of(entry: &'a Entry) -> Self {
        entry.told.as_ref().map_or(Self::Metadata(&entry.resource), |told| Self::Told(&told.origins))
    }

    /// The origins of a part, the one at `place` among those of a name; if it has none, those of the whole.
    pub(super) fn of_part(entry: &'a Entry, part: &'a Value, name: &str, place: usize) -> Self {
        let Some(told) = &entry.told else {
            let own = part.get("metadata").map(|_| part);
            return Self::Metadata(own.unwrap_or(&entry.resource));
        };
        let found = told.parts.iter().filter(|part| part.name == name).nth(place);
        Self::Told(found.map_or(&told.origins, |part: &Part| &part.origins))
    }

    /// `<namespace>/<name> <field> <file>:<line>:<column>` of each field.
    pub(super) fn source(self) -> String {
        let told = match self {
            Self::Told([]) => return "Fairlead".to_owned(),
            Self::Told(origins) => origins,
            Self::Metadata(resource) => {
                let mut names: Vec<_> =
                    names(resource).map(|(namespace, name)| format!("{namespace}/{name}")).collect();
                names.dedup();
                return names.join(", ");
            }
        };
        let one = |Origin { namespace, object, field, source, .. }: &Origin| {
            let parts = [&*format!("{namespace}/{object}"), field, source];
            parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
        };
        let mut all: Vec<_> = told.iter().take(SHOWN).map(one).collect();
        all.extend((told.len() > SHOWN).then(|| "…".to_owned()));
        all.join(", ")
    }

    /// `<name>.<namespace>` of the first object of a kind, as istioctl writes it.
    pub(super) fn object(self, kind: &str) -> String {
        let found = match self {
            Self::Told(origins) => {
                let object = origins.iter().find(|origin| origin.kind == kind);
                object.map(|of| (&*of.namespace, &*of.object))
            }
            Self::Metadata(resource) => config(resource).filter(|path| is_of(kind, path)).and_then(at_end),
        };
        found.map(|(namespace, name)| format!("{name}.{namespace}")).unwrap_or_default()
    }
}

/// The path of an object in the metadata of a resource.
fn config(resource: &Value) -> Option<&str> {
    resource["metadata"]["filter_metadata"]["istio"]["config"].as_str()
}

/// Whether a path is of a kind: `…/virtual-service/cart` of VirtualService.
fn is_of(kind: &str, path: &str) -> bool {
    let of = path.rsplit('/').nth(1).unwrap_or_default();
    of.chars().filter(|c| *c != '-').eq(kind.chars().map(|c| c.to_ascii_lowercase()))
}

/// The namespace and name at the end of a path: `…/namespaces/shop/virtual-service/cart`.
fn at_end(path: &str) -> Option<(&str, &str)> {
    let mut parts = path.rsplit('/');
    let (name, _, namespace) = (parts.next()?, parts.next()?, parts.next()?);
    Some((namespace, name))
}

/// The objects in the metadata of a resource.
fn names(resource: &Value) -> impl Iterator<Item = (&str, &str)> {
    let services = list(&resource["metadata"]["filter_metadata"]["istio"], "services");
    let names = services.filter_map(|of| Some((of["namespace"].as_str()?, of["name"].as_str()?)));
    config(resource).and_then(at_end).into_iter().chain(names)
}
