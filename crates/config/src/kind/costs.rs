//! [`Costs`]: what an error costs in kinds where it does not cost the whole object.
//!
//! An error names a field, and costs that field only. The tables list where another part must be dropped instead
//! (losing a field that narrows something must not widen it), and the replacements of fields whose absence would mean
//! more than the field did.

use crate::{
    FieldPath,
    yaml::{Node, json},
};

/// What errors cost in a kind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Costs {
    /// The first match decides; without one, the field itself is dropped.
    rules: &'static [(Place, Cost)],
    /// Replacements of dropped fields and of lists that lose all their items: the pattern, or the path of an entry of a
    /// map, and JSON.
    stand_ins: &'static [(&'static str, &'static str)],
    /// Required fields without which the rest may still be of use, as patterns.
    dispensable: &'static [&'static str],
}

/// Where an error is, as a pattern.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// At a field or below it.
    Within(&'static str),
    /// At a field with this end, or below it.
    Named(&'static str),
}

/// The part that is dropped.
#[derive(Clone, Copy, Debug)]
enum Cost {
    Object,
    /// The field of the error.
    Field,
    /// The part around it with this pattern.
    Around(&'static str),
    /// The parent of the named field.
    Parent,
}

/// An unreadable selector or listener port must not make a Sidecar apply to more; without its selector, its workloads
/// are unknown.
pub(super) const SIDECAR: Costs = Costs {
    rules: &[
        (Place::Within("spec.workloadSelector"), Cost::Object),
        (Place::Within("spec.egress[].port.protocol"), Cost::Field),
        (Place::Within("spec.egress[].port.name"), Cost::Field),
        (Place::Within("spec.egress[].port.targetPort"), Cost::Field),
        (Place::Within("spec.egress[].port"), Cost::Around("spec.egress[]")),
    ],
    stand_ins: &[
        ("spec.egress", r#"[{"hosts": ["~/*"]}]"#),
        ("spec.egress[].hosts", r#"["~/*"]"#),
        ("spec.outboundTrafficPolicy", "{}"),
    ],
    dispensable: &[],
};

/// A subset without its labels would be all endpoints; TLS without its mode would be none.
pub(super) const DESTINATION_RULE: Costs = Costs {
    rules: &[
        (Place::Within("spec.host"), Cost::Object),
        (Place::Within("spec.workloadSelector"), Cost::Object),
        (Place::Named(".tls.mode"), Cost::Parent),
        (Place::Within("spec.subsets[].trafficPolicy"), Cost::Field),
        (Place::Within("spec.subsets[]"), Cost::Around("spec.subsets[]")),
    ],
    stand_ins: &[("spec.exportTo", r#"["."]"#)],
    dispensable: &[],
};

/// A MeshConfig that cannot be read may contain `REGISTRY_ONLY`.
pub(super) const CONFIG_MAP: Costs = Costs {
    rules: &[],
    stand_ins: &[
        ("data[mesh]", r#""outboundTrafficPolicy: {mode: REGISTRY_ONLY}""#),
        ("data", r#"{"mesh": "outboundTrafficPolicy: {mode: REGISTRY_ONLY}"}"#),
    ],
    dispensable: &[],
};

/// Authorities are usable without a key, and a certificate without authorities.
pub(super) const SECRET: Costs =
    Costs { rules: &[], stand_ins: &[], dispensable: &["data{}", "stringData{}"] };

impl Costs {
    /// What errors cost in a MeshConfig.
    pub(crate) const MESH_CONFIG: Self = Self {
        rules: &[(Place::Named(".tls.mode"), Cost::Parent)],
        stand_ins: &[
            ("outboundTrafficPolicy", "{}"),
            ("defaultServiceExportTo", r#"["."]"#),
            ("defaultVirtualServiceExportTo", r#"["."]"#),
            ("defaultDestinationRuleExportTo", r#"["."]"#),
        ],
        dispensable: &[],
    };

    /// What an error at `path` costs; none for the object.
    pub(crate) fn part(&self, path: &FieldPath) -> Option<FieldPath> {
        let pattern = path.pattern();
        for (place, cost) in self.rules {
            let end = match place {
                Place::Within(outer) => pattern.starts_with(outer).then_some(outer.len()),
                Place::Named(end) => pattern.find(end).map(|at| at + end.len()),
            };
            let Some(end) = end.filter(|end| is_end(&pattern, *end)) else { continue };
            let up_to = |pattern: &str| {
                let parts = std::iter::successors(Some(path.clone()), FieldPath::parent);
                parts.into_iter().find(|part| part.pattern() == pattern)
            };
            return match cost {
                Cost::Object => None,
                Cost::Field => Some(path.clone()),
                Cost::Around(around) => up_to(around),
                Cost::Parent => up_to(&pattern[..end])?.parent(),
            };
        }
        Some(path.clone())
    }

    /// The replacement of the part at `path` when it is dropped.
    pub(crate) fn stand_in(&self, path: &FieldPath) -> Option<Node> {
        let (pattern, exact) = (path.pattern(), path.to_string());
        let (_, text) = self.stand_ins.iter().find(|(place, _)| *place == pattern || *place == exact)?;
        Some(json::parse(text.as_bytes()).expect("the tables hold JSON"))
    }

    /// Whether the object is of use without the field at `path`, although its absence is an error.
    pub(crate) fn can_spare(&self, path: &FieldPath) -> bool {
        self.dispensable.contains(&&*path.pattern())
    }
}

fn is_end(pattern: &str, at: usize) -> bool {
    pattern[at..].is_empty() || pattern[at..].starts_with(['.', '[', '{'])
}
