//! Secrets by SDS: only to proxies of the Secret's own namespace for which an object names it.
//!
//! Who may have a secret is decided before any Secret is looked at, so that an answer does not tell whether one
//! exists elsewhere.

use std::{collections::BTreeSet, sync::Arc};

use fairlead_envoy::{EncodedResource, ResourceSet, SharedSet, encode, secret};
use fairlead_incremental::{Query, Reader, Stratum};
use fairlead_model::{
    CertificateSource, Namespace, ServerValidation, UpstreamTls,
    destination_rule::{DestinationRule, MergedRule},
    gateway::{ClientCa, ClientValidation, ResolvedGateway, ServerTls},
    scope::{ScopeKey, ScopeOf},
    secret::{TlsMaterial, TlsMaterialOf},
    strata,
};

use crate::{names, routes::gateway::GatewayView};

/// Who asks, and what may name a secret for it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretsKey {
    /// The namespace of the proxy.
    pub namespace: Namespace,
    /// What it sees, whose DestinationRules may name secrets.
    pub scope: ScopeKey,
    /// Its Gateways, which may name secrets.
    pub gateway: Option<GatewayView>,
}

/// The secrets of a proxy.
pub struct ProxySecrets;

impl Query for ProxySecrets {
    type Key = SecretsKey;
    type Value = SharedSet;
    const NAME: &'static str = "proxy_secrets";
    const STRATUM: Stratum = strata::SET;

    fn compute(cx: &Reader<'_>, key: &SecretsKey) -> SharedSet {
        let mut wanted = BTreeSet::new();
        for gateway in key.gateway.iter().flat_map(|view| view.gateways.iter()) {
            if let Some(gateway) = cx.get::<ResolvedGateway>(gateway).as_ref() {
                gateway.servers.iter().for_each(|server| of_server(&server.tls, &mut wanted));
            }
        }
        for service in cx.get::<ScopeOf>(&key.scope).services.iter() {
            let Some(rule) = &service.rule else { continue };
            if let Some(rule) = cx.get::<MergedRule>(rule).as_ref()
                && (key.gateway.is_some() || rule.workload_selector.is_some())
            {
                of_rule(rule, &mut wanted);
            }
        }
        let secret = |wanted: &Wanted| {
            let name = match wanted {
                Wanted::Certificate(name) | Wanted::ClientCa(name) => name,
            };
            let material = cx.get::<TlsMaterialOf>(&(key.namespace.clone(), name.clone()));
            encoded(wanted, material.as_ref().as_ref()?)
        };
        let secrets = wanted.iter().filter_map(secret).map(|s| (s.name.clone(), s));
        secrets.collect::<ResourceSet>().into()
    }
}

/// A part of a Secret that an object names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Wanted {
    /// The certificate and key.
    Certificate(Arc<str>),
    /// The certificate authorities.
    ClientCa(Arc<str>),
}

fn of_server(tls: &ServerTls, wanted: &mut BTreeSet<Wanted>) {
    let ServerTls::Terminate(tls) = tls else { return };
    if let CertificateSource::Secret(name) = &tls.certificate {
        wanted.insert(Wanted::Certificate(name.clone()));
    }
    if let ClientValidation::Required(ClientCa::Secret(name))
    | ClientValidation::Optional(ClientCa::Secret(name)) = &tls.client
    {
        wanted.insert(Wanted::ClientCa(name.clone()));
    }
}

fn of_rule(rule: &DestinationRule, wanted: &mut BTreeSet<Wanted>) {
    let layers = std::iter::once(&rule.policy).chain(rule.subsets.iter().map(|s| &s.policy));
    let blocks = layers.flat_map(|layer| std::iter::once(&layer.blocks).chain(layer.ports.values()));
    for tls in blocks.filter_map(|blocks| blocks.tls.as_ref()) {
        let settings = match tls {
            UpstreamTls::Disable | UpstreamTls::IstioMutual(_) => continue,
            UpstreamTls::Simple(settings) => settings,
            UpstreamTls::Mutual { certificate, settings } => {
                if let CertificateSource::Secret(name) = certificate {
                    wanted.insert(Wanted::Certificate(name.clone()));
                }
                settings
            }
        };
        if let ServerValidation::Secret(name) = &settings.validation {
            wanted.insert(Wanted::ClientCa(name.clone()));
        }
    }
}

/// The secret, or `None` where the Secret lacks the part.
fn encoded(wanted: &Wanted, material: &TlsMaterial) -> Option<EncodedResource> {
    let (name, message) = match wanted {
        Wanted::Certificate(credential) => {
            let name = names::credential(credential);
            let (chain, key) = material.certificate.as_ref()?;
            let message = secret::tls_certificate(&*name, &**chain, &**key);
            (name, message)
        }
        Wanted::ClientCa(credential) => {
            let name = names::credential_ca(credential);
            let message = secret::validation_context(&*name, &**material.ca.as_ref()?, None);
            (name, message)
        }
    };
    Some(EncodedResource::whole(name, encode(&message)))
}
