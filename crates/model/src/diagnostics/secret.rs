//! Findings about Secrets that objects name for TLS.

use std::sync::Arc;

use fairlead_config::{
    Code, Config, ConfigKey, Diagnostics, FieldPath, Kind, Name, Namespace, Timestamp, api,
    certificate::{AltNames, Validity},
};
use fairlead_incremental::{Index, Query, Reader, Stratum};

use crate::{
    destination_rule::ResolvedDestinationRule,
    gateway::{ResolvedGateway, ServerTls},
    input::{DestinationRules, Gateways, Refused, Secrets},
    secret::{AUTHORITIES, CERTIFICATES, KEYS, Part, PartFault, SecretParts},
    strata,
};

/// How long before its end a certificate is reported. Issuers renew far earlier.
const SOON: i64 = 7 * 24 * 3600;

/// Secrets with a key that TLS uses, in the bucket `()`.
#[derive(Debug)]
pub struct TlsSecrets;

impl Index for TlsSecrets {
    type Input = Secrets;
    type Bucket = ();
    const NAME: &'static str = "secrets for tls";

    fn buckets(_: &ConfigKey, secret: &Config<api::Secret>) -> Vec<()> {
        let has = |name: &str| secret.spec.get(name).is_some();
        let has_parts = [CERTIFICATES, KEYS, AUTHORITIES].concat().into_iter().any(has);
        if has_parts { vec![()] } else { Vec::new() }
    }
}

/// Gateways by the Secrets that they name. Not registered: built for the first TLS Secret.
#[derive(Debug)]
pub(super) struct GatewaysNaming;

impl Index for GatewaysNaming {
    type Input = Gateways;
    type Bucket = Name;
    const NAME: &'static str = "gateways by the secrets that they name";

    fn buckets(_: &ConfigKey, gateway: &Config<api::GatewaySpec>) -> Vec<Name> {
        let tls = gateway.spec.servers.iter().filter_map(|server| server.tls.as_ref());
        let names = tls.flat_map(|tls| {
            let one = [&tls.credential_name, &tls.ca_cert_credential_name];
            one.into_iter().flatten().chain(&tls.credential_names)
        });
        distinct(names)
    }
}

/// DestinationRules by the Secrets that they name. Not registered either.
#[derive(Debug)]
pub(super) struct RulesNaming;

impl Index for RulesNaming {
    type Input = DestinationRules;
    type Bucket = Name;
    const NAME: &'static str = "destination rules by the secrets that they name";

    fn buckets(_: &ConfigKey, rule: &Config<api::DestinationRuleSpec>) -> Vec<Name> {
        let names = tls_of_rule(&rule.spec).into_iter().filter_map(|(_, tls)| tls.credential_name.as_ref());
        distinct(names)
    }
}

fn distinct<'a>(names: impl Iterator<Item = &'a String>) -> Vec<Name> {
    let mut names: Vec<Name> = names.map(|name| Name::from(name.as_str())).collect();
    names.sort();
    names.dedup();
    names
}

/// The TLS settings of a DestinationRule, and where they are.
pub(super) fn tls_of_rule(rule: &api::DestinationRuleSpec) -> Vec<(FieldPath, &api::ClientTlsSettings)> {
    let own = rule.traffic_policy.iter().map(|policy| (FieldPath::spec().field("trafficPolicy"), policy));
    let subsets = rule.subsets.iter().enumerate().filter_map(|(index, subset)| {
        let path = FieldPath::spec().field("subsets").index(index).field("trafficPolicy");
        Some((path, subset.traffic_policy.as_ref()?))
    });
    let mut all = Vec::new();
    for (path, policy) in own.chain(subsets) {
        all.extend(policy.tls.iter().map(|tls| (path.clone().field("tls"), tls)));
        for (index, port) in policy.port_level_settings.iter().enumerate() {
            let path = path.clone().field("portLevelSettings").index(index).field("tls");
            all.extend(port.tls.iter().map(|tls| (path.clone(), tls)));
        }
    }
    all
}

/// What Secrets of a name are used for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Roles {
    /// Its certificate and key.
    pub(super) certificate: bool,
    /// Its certificate and key, by a server.
    pub(super) server: bool,
    /// Its authorities.
    pub(super) authorities: bool,
}

/// What objects use Secrets of a name for, in any namespace.
#[derive(Debug)]
pub(super) struct RolesOf;

impl Query for RolesOf {
    type Key = Name;
    type Value = Roles;
    const NAME: &'static str = "what a secret is named for";
    const STRATUM: Stratum = strata::HEADER;

    fn compute(cx: &Reader<'_>, name: &Name) -> Roles {
        let is_it = |named: Option<&Arc<str>>| named.is_some_and(|named| **named == *name.as_str());
        let mut roles = Roles::default();
        for key in &cx.index::<GatewaysNaming>(name) {
            let gateway = cx.get::<ResolvedGateway>(key);
            for server in gateway.as_ref().iter().flat_map(|gateway| &gateway.servers) {
                let ServerTls::Terminate(tls) = &server.tls else { continue };
                roles.server |= is_it(tls.certificate_secret());
                roles.authorities |= is_it(tls.ca_secret());
            }
        }
        for key in &cx.index::<RulesNaming>(name) {
            let rule = cx.get::<ResolvedDestinationRule>(key);
            for (tls, _) in rule.as_ref().iter().flat_map(|rule| rule.tls()) {
                roles.certificate |= is_it(tls.certificate_secret());
                roles.authorities |= is_it(tls.ca_secret());
            }
        }
        roles.certificate |= roles.server;
        roles
    }
}

/// What the findings about a Secret depend on.
pub(super) struct Context<'a> {
    /// What it is used for under its own name.
    pub(super) roles: Roles,
    /// Whether it holds the authorities of another Secret, as `<other>-cacert`.
    pub(super) for_another: bool,
    /// The time, if known.
    pub(super) now: &'a dyn Fn() -> Option<Timestamp>,
}

pub(super) fn check(parts: &SecretParts, context: &Context<'_>, diagnostics: &mut Diagnostics) {
    if context.roles.certificate {
        match &parts.certificate {
            Part::Usable { path, value } => {
                check_time("certificate", "is", value.validity, path, context, diagnostics);
                if context.roles.server && value.names == AltNames::default() {
                    let message = "the certificate has no alternative names; browsers and most other clients refuse it for every host";
                    let finding = diagnostics.info(Code::CertificateHost, path.clone(), message);
                    finding.help("request one with the hosts of its servers as alternative names");
                }
            }
            Part::Faulty(faults) => report(faults, diagnostics),
            // Reported where it is named.
            Part::Absent => {}
        }
    }
    if context.roles.authorities || context.for_another {
        match &parts.authorities {
            Part::Usable { path, value } => {
                check_time("authorities", "are", *value, path, context, diagnostics);
            }
            Part::Faulty(faults) => report(faults, diagnostics),
            Part::Absent => {}
        }
    }
}

fn report(faults: &[PartFault], diagnostics: &mut Diagnostics) {
    for fault in faults {
        diagnostics
            .error(Code::BadSecret, fault.path.clone(), fault.message.clone())
            .help(fault.help.clone());
    }
}

/// Reports what is not valid now: it is served, but peers refuse it.
fn check_time(
    what: &str,
    verb: &str,
    validity: Option<Validity>,
    path: &FieldPath,
    context: &Context<'_>,
    diagnostics: &mut Diagnostics,
) {
    let Some((Validity { from, to }, now)) = validity.zip((context.now)()) else { return };
    let refused = "peers that verify it refuse the connection";
    if now > to {
        let message = format!("the {what} expired at {to}; {refused}");
        let finding = diagnostics.warn(Code::BadSecret, path.clone(), message);
        finding.help("renew it, and find out why it was not renewed");
    } else if now < from {
        let message = format!("the {what} {verb} not valid before {from}; {refused}");
        diagnostics.warn(Code::BadSecret, path.clone(), message).help("wait, or have it reissued");
    } else if now.0 > to.0 - SOON {
        let message = format!("the {what} {verb} valid until {to} only");
        diagnostics.info(Code::BadSecret, path.clone(), message).help("check that it is renewed");
    }
}

/// The namespaces that have a Secret of a name.
#[derive(Debug)]
pub(super) struct NamespacesWith;

impl Query for NamespacesWith {
    type Key = Name;
    type Value = Arc<[Namespace]>;
    const NAME: &'static str = "namespaces with a secret";
    const STRATUM: Stratum = strata::OBJECT;

    fn compute(cx: &Reader<'_>, name: &Name) -> Self::Value {
        cx.index::<SecretsNamed>(name).iter().map(|key| key.namespace.clone()).collect()
    }
}

/// Secrets by name, in all namespaces.
#[derive(Debug)]
pub struct SecretsNamed;

impl Index for SecretsNamed {
    type Input = Secrets;
    type Bucket = Name;
    const NAME: &'static str = "secrets by name";

    fn buckets(key: &ConfigKey, _: &Config<api::Secret>) -> Vec<Name> {
        vec![key.name.clone()]
    }
}

/// Refused Secrets by name. Not registered, as most meshes have none.
#[derive(Debug)]
pub(super) struct RefusedSecrets;

impl Index for RefusedSecrets {
    type Input = Refused;
    type Bucket = Name;
    const NAME: &'static str = "refused secrets by name";

    fn buckets(key: &ConfigKey, (): &()) -> Vec<Name> {
        if key.kind == Kind::Secret { vec![key.name.clone()] } else { Vec::new() }
    }
}
