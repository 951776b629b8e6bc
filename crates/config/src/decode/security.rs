//! Istio's kinds that restrict access. None is read, and the user must learn that.

use crate::yaml::{Node, Value};

/// Their group.
pub(super) const GROUP: &str = "security.istio.io";

/// Their kinds.
pub(super) const KINDS: [&str; 3] = ["AuthorizationPolicy", "PeerAuthentication", "RequestAuthentication"];

/// Annotation that makes a policy only report what it would deny.
const DRY_RUN: &str = "istio.io/dry-run";

/// Whether an object would deny anything if it were enforced.
///
/// A `PeerAuthentication` that allows plaintext asks for the present behaviour; an `AuthorizationPolicy` that audits or
/// is a dry run denies nothing. Everything else counts, even if misspelt.
pub(super) fn restricts(kind: &str, group: &str, node: &Node) -> bool {
    if !group.ends_with("istio.io") || !KINDS.contains(&kind) {
        return false;
    }
    let spec = node.get("spec");
    match kind {
        "PeerAuthentication" => {
            let takes_plaintext = |node: &Node| {
                matches!(text(Some(node), "mode"), None | Some("UNSET" | "PERMISSIVE" | "DISABLE"))
            };
            let ports = spec.and_then(|spec| spec.get("portLevelMtls")).map(|ports| &ports.value);
            let ports = match ports {
                Some(Value::Map(ports)) => ports.as_slice(),
                _ => &[],
            };
            let mode = spec.and_then(|spec| spec.get("mtls"));
            !mode.is_none_or(takes_plaintext) || !ports.iter().all(|port| takes_plaintext(&port.value))
        }
        "AuthorizationPolicy" => {
            let annotations = node.get("metadata").and_then(|metadata| metadata.get("annotations"));
            text(spec, "action") != Some("AUDIT") && text(annotations, DRY_RUN) != Some("true")
        }
        _ => true,
    }
}

fn text<'a>(node: Option<&'a Node>, field: &str) -> Option<&'a str> {
    node.and_then(|node| node.get(field)).and_then(Node::as_str)
}
