//! Secrets by SDS: only to proxies of the Secret's own namespace for which an object names it.
//!
//! Who may have a secret is decided before any Secret is looked at, so that an answer does not tell whether one
//! exists elsewhere. Certificates in files of the proxy are served in the same way: the paths alone, which are no
//! secret. So a file that is missing costs its own server (a chain that named it would cost its listener), and Envoy
//! reads files again that are replaced.

use std::{collections::BTreeSet, sync::Arc};

use fairlead_envoy::{encode, secret};
use fairlead_incremental::{Query, Reader, Stratum};
use fairlead_model::{
    CertificateSource, Namespace,
    destination_rule::{DestinationRule, MergedRule, RuleKey, RulesNamingSecrets},
    gateway::{ClientCa, ClientValidation, ResolvedGateway, ServerTls},
    scope::{ScopeKey, ScopeOf},
    secret::{TlsMaterial, TlsMaterialOf},
    strata,
};
use fairlead_resource::{EncodedResource, ResourceSet, SharedSet};

use crate::{names, routes::gateway::GatewayView};

/// Who asks, and what may name a secret for it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretsKey {
    /// The namespace of the proxy, if it may have Secrets.
    pub namespace: Option<Namespace>,
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
        let mut files = ResourceSet::new();
        for gateway in key.gateway.iter().flat_map(|view| view.gateways.iter()) {
            if let Some(gateway) = cx.get::<ResolvedGateway>(gateway).as_ref() {
                for server in &gateway.servers {
                    of_server(&server.tls, &mut wanted);
                    files.extend(files_of_server(&server.tls).map(|secret| (secret.name.clone(), secret)));
                }
            }
        }
        let Some(namespace) = &key.namespace else { return files.into() };
        for rule in rules_with_secrets(cx, key) {
            if let Some(rule) = cx.get::<MergedRule>(&rule).as_ref()
                && (key.gateway.is_some() || rule.workload_selector.is_some())
            {
                of_rule(rule, &mut wanted);
            }
        }
        let secret = |wanted: &Wanted| {
            let name = match wanted {
                Wanted::Certificate(name) | Wanted::ClientCa(name) => name,
            };
            let material = cx.get::<TlsMaterialOf>(&(namespace.clone(), name.clone()));
            encoded(wanted, material.as_ref().as_ref()?)
        };
        let secrets = wanted.iter().filter_map(secret).map(|s| (s.name.clone(), s));
        files.extend(secrets);
        files.into()
    }
}

/// The rules of a scope that name a Secret. Most meshes have none, and then the scope is not looked at.
fn rules_with_secrets(cx: &Reader<'_>, key: &SecretsKey) -> Vec<RuleKey> {
    // Those for some workloads only apply to the proxies that they select.
    if key.gateway.is_none() && key.scope.selected_rules.is_empty() {
        return Vec::new();
    }
    let naming = cx.get::<RulesNamingSecrets>(&());
    if naming.is_empty() {
        return Vec::new();
    }
    let scope = cx.get::<ScopeOf>(&key.scope);
    let rules = scope.services.values().filter_map(|service| service.rule.as_ref());
    rules.filter(|rule| rule.objects.iter().any(|object| naming.contains(object))).cloned().collect()
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
    wanted.extend(tls.certificate_secret().cloned().map(Wanted::Certificate));
    wanted.extend(tls.ca_secret().cloned().map(Wanted::ClientCa));
}

/// What a server has in files.
fn files_of_server(tls: &ServerTls) -> impl Iterator<Item = EncodedResource> {
    let (mut certificate, mut authorities) = (None, None);
    if let ServerTls::Terminate(tls) = tls {
        if let CertificateSource::Files { certificate: chain, key } = &tls.certificate {
            let name = names::file_certificate(chain, key);
            certificate = Some((secret::certificate_in_files(&*name, &**chain, &**key), name));
        }
        if let ClientValidation::Required(ClientCa::File(path))
        | ClientValidation::Optional(ClientCa::File(path)) = &tls.client
        {
            let name = names::file_ca(path);
            authorities = Some((secret::authorities_in_file(&*name, &**path), name));
        }
    }
    let all = certificate.into_iter().chain(authorities);
    all.map(|(message, name)| EncodedResource::whole(name, encode(&message)))
}

fn of_rule(rule: &DestinationRule, wanted: &mut BTreeSet<Wanted>) {
    for tls in rule.tls() {
        wanted.extend(tls.certificate_secret().cloned().map(Wanted::Certificate));
        wanted.extend(tls.ca_secret().cloned().map(Wanted::ClientCa));
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
