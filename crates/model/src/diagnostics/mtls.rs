//! Findings about a client and a server that disagree about TLS: a DestinationRule, and the Gateway servers on the Pods
//! of its Service.
//!
//! Only an explicit `mode` of a DestinationRule is compared.

use std::{collections::BTreeMap, sync::Arc};

use fairlead_config::{Code, Diagnostics, FieldPath, LabelSet, path};
use fairlead_incremental::{Query, Reader, Stratum};

use super::meeting::gateways_at;
use crate::{
    Service,
    destination_rule::{DestinationRule, PolicyLayer, Subset},
    gateway::{ClientValidation, ServerRef, ServerTls},
    policy::UpstreamTls,
    strata,
};

/// What a server requires of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asks {
    Plaintext,
    Tls,
    ClientCertificate,
}

impl Asks {
    fn words(self) -> &'static str {
        match self {
            Self::Plaintext => "takes plaintext",
            Self::Tls => "takes TLS",
            Self::ClientCertificate => "asks for a client certificate (mode MUTUAL)",
        }
    }
}

/// What the servers of gateways require of connections, by port.
#[derive(Debug)]
pub(super) struct AskedAt;

impl Query for AskedAt {
    type Key = LabelSet;
    type Value = Arc<BTreeMap<u16, (ServerRef, Asked)>>;
    const NAME: &'static str = "what gateways ask of connections";
    const STRATUM: Stratum = Stratum(strata::BINDING.0 + 1);

    fn compute(cx: &Reader<'_>, proxies: &LabelSet) -> Self::Value {
        let mut asked = BTreeMap::new();
        for gateway in gateways_at(cx, proxies) {
            for server in &gateway.servers {
                let asks = match &server.tls {
                    ServerTls::None | ServerTls::HttpsRedirect => Some(Asks::Plaintext),
                    ServerTls::Passthrough => None,
                    ServerTls::Terminate(tls) => match tls.client {
                        ClientValidation::Required(_) => Some(Asks::ClientCertificate),
                        ClientValidation::None | ClientValidation::Optional(_) => Some(Asks::Tls),
                    },
                };
                let reference = ServerRef { gateway: gateway.origin.clone(), index: server.index };
                let place = asked.entry(server.port).or_insert_with(|| (reference, Asked(asks)));
                // Servers of one port may differ in what they require, by server name.
                if place.1.0 != asks {
                    place.1 = Asked(None);
                }
            }
        }
        Arc::new(asked)
    }
}

/// What all servers of a port require; `None` if they differ or it is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asked(Option<Asks>);

/// Reports TLS settings of a rule that the gateways behind a service do not accept.
pub(super) fn check(
    rule: &DestinationRule,
    service: &Service,
    asked: &BTreeMap<u16, (ServerRef, Asked)>,
    diagnostics: &mut Diagnostics,
) {
    for port in &service.ports {
        let Some((server, Asked(Some(asks)))) = asked.get(&port.number) else { continue };
        for (path, tls) in said(rule, port.number) {
            let (mode, fits) = match tls {
                UpstreamTls::Disable => ("DISABLE", *asks == Asks::Plaintext),
                UpstreamTls::Simple(_) => ("SIMPLE", *asks == Asks::Tls),
                UpstreamTls::Mutual { .. } => ("MUTUAL", *asks != Asks::Plaintext),
                // Has no effect yet, which another finding reports.
                UpstreamTls::IstioMutual(_) => continue,
            };
            if !fits {
                let message = format!(
                    "mode {mode} does not fit port {} of `{}`: servers[{}] of {} {}; connections fail",
                    port.number,
                    service.key.host,
                    server.index,
                    server.gateway,
                    asks.words()
                );
                let finding = diagnostics.warn(Code::MtlsConflict, path, message);
                finding.help("make `tls` of both agree");
            }
        }
    }
}

/// The TLS settings of a rule and its subsets for a port, with their fields.
fn said(rule: &DestinationRule, port: u16) -> impl Iterator<Item = (FieldPath, &UpstreamTls)> {
    let of_rule = said_by(&rule.policy, path!("trafficPolicy"), port);
    let of_subsets = rule.subsets.iter().filter_map(move |Subset { index, policy, .. }| {
        said_by(policy, path!("subsets"[*index]."trafficPolicy"), port)
    });
    of_rule.into_iter().chain(of_subsets)
}

fn said_by(layer: &PolicyLayer, path: FieldPath, port: u16) -> Option<(FieldPath, &UpstreamTls)> {
    let (path, blocks) = match layer.ports.get(&port) {
        Some(own) => (path.field("portLevelSettings").index(own.index), &own.blocks),
        None => (path, &layer.blocks),
    };
    Some((path.field("tls").field("mode"), blocks.tls.as_ref()?))
}
