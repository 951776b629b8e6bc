//! Secrets by SDS: only to proxies of the Secret's own namespace for which an object names it.
//!
//! Authorization comes before any Secret is read, so that an answer does not reveal whether one exists elsewhere.
//! Certificates in files of the proxy are served by SDS too, as paths, which are not secret. A missing file then
//! affects its own server only (named in the chain, it would affect the listener), and Envoy reloads files that are
//! replaced.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use fairlead_envoy::{encode, secret};
use fairlead_incremental::{Query, Reader, Stratum};
use fairlead_model::{
    CertificateSource, Namespace, Origin,
    destination_rule::{MergedRule, RuleKey, RulesNamingSecrets},
    gateway::{ClientCa, ResolvedGateway, ServerTls},
    origin,
    scope::{ScopeKey, ScopeOf},
    secret::TlsMaterialOf,
    strata,
};
use fairlead_resource::{EncodedResource, ResourceSet, SharedSet};

use crate::{names, routes::gateway::GatewayView};

/// The client, and the objects that may name secrets for it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretsKey {
    /// The namespace of the proxy, if it may be sent Secrets.
    pub namespace: Option<Namespace>,
    /// Its scope, whose DestinationRules may name secrets.
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
        let mut all = BTreeSet::new();
        each_wanted(cx, key, &mut |wanted, _| all.extend([wanted]));
        let secrets = all.iter().filter_map(|wanted| encoded(cx, key, wanted));
        secrets.map(|secret| secret.named()).collect::<ResourceSet>().into()
    }
}

/// The origins of each secret of a proxy: the Secret's fields, then the fields that name it.
pub(crate) fn origins(cx: &Reader<'_>, key: &SecretsKey) -> BTreeMap<Arc<str>, Vec<Origin>> {
    let mut all: BTreeMap<Wanted, Vec<Origin>> = BTreeMap::new();
    each_wanted(cx, key, &mut |wanted, by| all.entry(wanted).or_default().push(by()));
    let of = |(wanted, by): (Wanted, Vec<Origin>)| {
        let material = match (&key.namespace, &wanted) {
            (Some(namespace), Wanted::Certificate(CertificateSource::Secret(name))) => {
                origin::of_certificate(cx, namespace, name)
            }
            (Some(namespace), Wanted::Authorities(ClientCa::Secret(name))) => {
                origin::of_authorities(cx, namespace, name)
            }
            _ => None,
        };
        (wanted.name(), material.into_iter().chain(by).collect())
    };
    all.into_iter().map(of).collect()
}

/// Visits the secrets that the Gateways and rules of a proxy name, with the field that names each.
fn each_wanted(cx: &Reader<'_>, key: &SecretsKey, visit: &mut dyn FnMut(Wanted, &dyn Fn() -> Origin)) {
    let may_have = |wanted: &Wanted| wanted.is_in_files() || key.namespace.is_some();
    for gateway in key.gateway.iter().flat_map(|view| view.gateways.iter()) {
        if let Some(gateway) = cx.get::<ResolvedGateway>(gateway).as_ref() {
            for server in &gateway.servers {
                let by = || origin::of_server_tls(&gateway.origin, server.index);
                of_server(&server.tls).into_iter().filter(may_have).for_each(|wanted| visit(wanted, &by));
            }
        }
    }
    if key.namespace.is_none() {
        return;
    }
    for rule in rules_with_secrets(cx, key) {
        if let Some(rule) = cx.get::<MergedRule>(&rule).as_ref()
            && (key.gateway.is_some() || rule.workload_selector.is_some())
        {
            for (tls, policy) in rule.tls() {
                let secrets = [
                    tls.certificate_secret().cloned().map(CertificateSource::Secret).map(Wanted::Certificate),
                    tls.ca_secret().cloned().map(ClientCa::Secret).map(Wanted::Authorities),
                ];
                secrets.into_iter().flatten().for_each(|wanted| visit(wanted, &|| policy.tls_origin()));
            }
        }
    }
}

/// The rules of a scope that name a Secret. Most meshes have none, and then the scope is not read.
fn rules_with_secrets(cx: &Reader<'_>, key: &SecretsKey) -> Vec<RuleKey> {
    // Rules with a workload selector apply only to the proxies that they select.
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

/// A secret that an object names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Wanted {
    /// A certificate and its key.
    Certificate(CertificateSource),
    /// Certificate authorities.
    Authorities(ClientCa),
}

impl Wanted {
    fn is_in_files(&self) -> bool {
        matches!(
            self,
            Self::Certificate(CertificateSource::Files { .. }) | Self::Authorities(ClientCa::File(_))
        )
    }

    /// The name of the secret.
    fn name(&self) -> Arc<str> {
        match self {
            Self::Certificate(source) => names::certificate(source),
            Self::Authorities(ca) => names::authorities(ca),
        }
    }
}

fn of_server(tls: &ServerTls) -> Vec<Wanted> {
    let ServerTls::Terminate(tls) = tls else { return Vec::new() };
    let authorities = tls.client.authorities().cloned().map(Wanted::Authorities);
    std::iter::once(Wanted::Certificate(tls.certificate.clone())).chain(authorities).collect()
}

/// The secret; `None` if there is no Secret or it lacks the part.
fn encoded(cx: &Reader<'_>, key: &SecretsKey, wanted: &Wanted) -> Option<EncodedResource> {
    let material = |credential: &Arc<str>| {
        (*cx.get::<TlsMaterialOf>(&(key.namespace.clone()?, credential.clone()))).clone()
    };
    let name = wanted.name();
    let message = match wanted {
        Wanted::Certificate(CertificateSource::Secret(credential)) => {
            let (chain, key) = material(credential)?.certificate?;
            secret::tls_certificate(&*name, &*chain, &*key)
        }
        Wanted::Certificate(CertificateSource::Files { certificate, key }) => {
            secret::certificate_in_files(&*name, &**certificate, &**key)
        }
        Wanted::Authorities(ClientCa::Secret(credential)) => {
            secret::validation_context(&*name, &*material(credential)?.ca?, None)
        }
        Wanted::Authorities(ClientCa::File(path)) => secret::authorities_in_file(&*name, &**path),
    };
    Some(EncodedResource::whole(name, encode(&message)))
}
