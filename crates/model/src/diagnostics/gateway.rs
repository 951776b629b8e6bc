//! Findings about a Gateway among other objects.

use std::collections::BTreeMap;

use fairlead_config::{Code, Diagnostics, path};

use super::{
    meeting::{ConflictsOf, LeftOut},
    rivals::MOST_RIVALS,
};
use crate::gateway::{ConflictReason, Gateway, GatewayListenerKind};

/// What the findings depend on besides the Gateway.
pub(super) struct Context<'a> {
    /// Its conflicts with Gateways for the same proxies.
    pub(super) conflicts: &'a ConflictsOf,
}

pub(super) fn check(gateway: &Gateway, context: &Context<'_>, diagnostics: &mut Diagnostics) {
    check_conflicts(gateway, context.conflicts, diagnostics);
}

/// Reports servers that are left out, to the authors of both Gateways.
fn check_conflicts(gateway: &Gateway, conflicts: &ConflictsOf, diagnostics: &mut Diagnostics) {
    for ((index, with), left_out) in &conflicts.left_out {
        let declared = gateway.servers.iter().find(|server| server.index == *index).map(|s| s.port);
        let message =
            left_out_message(left_out, declared, &format!("servers[{}] of {}", with.index, with.gateway));
        let path = path!("servers"[*index]);
        match left_out.by {
            None => diagnostics.error(Code::ConflictingServer, path, message),
            // Pods other than the Service's may still get every server.
            Some(_) => diagnostics.warn(Code::ConflictingServer, path, message),
        };
    }
    let mut told: BTreeMap<usize, usize> = BTreeMap::new();
    for ((index, server), left_out) in &conflicts.leaves_out {
        let number = told.entry(*index).or_default();
        *number += 1;
        if *number > MOST_RIVALS {
            continue;
        }
        let port = left_out.conflict.port;
        let what = match &left_out.conflict.reason {
            ConflictReason::Protocol { .. } => format!("port {port}"),
            ConflictReason::Address => format!("every address of port {port}"),
            ConflictReason::Host(host) => format!("`{host}` on port {port}"),
        };
        let by = left_out.by.as_ref().map(|by| format!(" at the Pods of {by}")).unwrap_or_default();
        let message = format!(
            "{what} is this server's, so servers[{}] of {} is left out{by}",
            server.index, server.gateway
        );
        diagnostics.info(Code::ConflictingServer, path!("servers"[*index]), message);
    }
    for (index, more) in
        told.iter().filter_map(|(index, told)| Some((index, told.checked_sub(MOST_RIVALS + 1)?)))
    {
        let message = format!("{} more servers are left out because of this one", more + 1);
        diagnostics.info(Code::ConflictingServer, path!("servers"[*index]), message);
    }
}

fn spoken(kind: GatewayListenerKind) -> &'static str {
    match kind {
        GatewayListenerKind::Http => "plaintext HTTP",
        GatewayListenerKind::Tls => "TLS",
        GatewayListenerKind::Tcp => "bytes (TCP)",
    }
}

/// Explains why a server, whose own port is `declared`, gives way to the server `with`.
fn left_out_message(left_out: &LeftOut, declared: Option<u16>, with: &str) -> String {
    let port = left_out.conflict.port;
    let at = match (&left_out.by, declared) {
        (Some(by), Some(declared)) if declared != port => {
            format!("port {port}, to which {by} leads port {declared},")
        }
        (Some(by), _) => format!("port {port} of the Pods of {by}"),
        (None, _) => format!("port {port}"),
    };
    match &left_out.conflict.reason {
        ConflictReason::Protocol { first, second } if first == second => {
            format!(
                "{at} is taken by {with}, which takes every connection there: TCP has no host to distinguish servers by"
            )
        }
        ConflictReason::Protocol { first, second } => {
            format!("{at} is taken by {with} for {}, so it cannot serve {}", spoken(*first), spoken(*second))
        }
        ConflictReason::Host(host) => format!("`{host}` on {at} is served by {with}"),
        ConflictReason::Address => {
            format!(
                "every address of {at} is that of {with}: one of the two has a `bind`, the other has none"
            )
        }
    }
}
