//! Findings about objects that name a Secret: whether it exists where their proxies may read it, and is usable.
//!
//! A proxy may read the Secrets of its own namespace only, whichever namespace the object that names them is in.
//! Services and Pods with a Gateway's labels tell where its proxies run. Without any, the Secrets that one Gateway
//! names must at least share a namespace.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use fairlead_config::{
    Code, Config, ConfigKey, Diagnostics, FieldPath, LabelSet, Namespace, api, certificate::AltNames, path,
};
use fairlead_incremental::{Index, Query, Reader, Stratum};

use super::{
    meeting::services_with,
    secret::{NamespacesWith, tls_of_rule},
};
use crate::{
    Service,
    gateway::{Gateway, GatewayServer, ServerTls},
    input::Pods,
    secret::{Part, SecretParts, authorities_of},
    strata,
};

/// Maximum number of hosts reported per server for which its certificate is not valid.
const MOST_HOSTS: usize = 4;

/// What the findings depend on besides the object.
pub(super) struct Context<'a> {
    /// The namespaces that have a Secret of this name.
    pub(super) namespaces: &'a dyn Fn(&str) -> Arc<[Namespace]>,
    /// The parts of the Secret of this namespace and name.
    pub(super) parts: &'a dyn Fn(&Namespace, &str) -> Option<Arc<SecretParts>>,
    /// A Secret of this name that exists but is refused for its errors.
    pub(super) refused: &'a dyn Fn(&str) -> Option<ConfigKey>,
    /// Whose proxies read the Secrets, as text for messages.
    pub(super) who: &'a str,
    /// Where the proxies run, as far as that is known.
    pub(super) places: &'a BTreeSet<Namespace>,
}

/// The part of a Secret that is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    Certificate,
    Authorities,
}

/// A Secret that is named.
#[derive(Clone, Debug)]
struct Named<'a> {
    name: &'a str,
    wanted: Wanted,
    path: FieldPath,
    /// What happens without it.
    cost: &'static str,
}

impl Named<'_> {
    /// The namespaces that have the Secret.
    fn found_in(&self, context: &Context<'_>) -> BTreeSet<Namespace> {
        let mut found: BTreeSet<_> = (context.namespaces)(self.name).iter().cloned().collect();
        if self.wanted == Wanted::Authorities {
            found.extend((context.namespaces)(&authorities_of(self.name)).iter().cloned());
        }
        found
    }

    /// Whether what a namespace has of the needed part is usable; `None` if it has nothing.
    fn has_usable(&self, namespace: &Namespace, context: &Context<'_>) -> Option<bool> {
        let is_usable = |is_absent: bool, is_usable: bool| (!is_absent).then_some(is_usable);
        let certificate = |parts: Arc<SecretParts>| {
            is_usable(parts.certificate == Part::Absent, parts.certificate.is_usable())
        };
        let authorities = |parts: Arc<SecretParts>| {
            is_usable(parts.authorities == Part::Absent, parts.authorities.is_usable())
        };
        let of = |name: &str| (context.parts)(namespace, name);
        match self.wanted {
            Wanted::Certificate => of(self.name).and_then(certificate),
            // The separate Secret's authorities win, if it has any.
            Wanted::Authorities => of(&authorities_of(self.name))
                .and_then(authorities)
                .or_else(|| of(self.name).and_then(authorities)),
        }
    }

    fn is_usable_in(&self, namespace: &Namespace, context: &Context<'_>) -> bool {
        self.has_usable(namespace, context) == Some(true)
    }

    /// Reports a name that no Secret can have, and whether it did.
    fn check_name(&self, diagnostics: &mut Diagnostics) -> bool {
        let Some((_, name)) = self.name.rsplit_once('/') else { return false };
        let message = format!(
            "`{}` is not the name of a Secret, and proxies can use only those of their own namespace; {}",
            self.name, self.cost
        );
        diagnostics
            .warn(Code::SecretNamespace, self.path.clone(), message)
            .help(format!("write `{name}`, and put that Secret into the namespace of the Pods that need it"));
        true
    }

    fn report_absent(&self, context: &Context<'_>, diagnostics: &mut Diagnostics) {
        if let Some(refused) = (context.refused)(self.name) {
            let message = format!("{refused} is not used because of its errors; {}", self.cost);
            diagnostics
                .warn(Code::UnknownSecret, self.path.clone(), message)
                .help("see the findings about the Secret");
            return;
        }
        let places = context.places;
        let message = format!("no namespace has a Secret `{}`; {}", self.name, self.cost);
        let into = match places.len() {
            0 => "the namespace of the gateway's Pods".to_owned(),
            _ => listed(places),
        };
        let finding = diagnostics.warn(Code::UnknownSecret, self.path.clone(), message);
        finding.help(format!("create it in {into}"));
    }

    /// Reports that the Secret exists in these namespaces, but without the needed part.
    fn check_use(&self, places: &BTreeSet<Namespace>, context: &Context<'_>, found: &mut Diagnostics) {
        let unusable = |place: &&Namespace| !self.is_usable_in(place, context);
        let places: BTreeSet<Namespace> = places.iter().filter(unusable).cloned().collect();
        if places.is_empty() {
            return;
        }
        let is_there = places.iter().any(|place| self.has_usable(place, context).is_some());
        let (what, help) = match (self.wanted, is_there) {
            (Wanted::Certificate, true) => {
                ("no usable certificate and key", "see the findings about the Secret")
            }
            (Wanted::Certificate, false) => (
                "neither `tls.crt` and `tls.key` nor `cert` and `key`",
                "put the certificate into `tls.crt` and its private key into `tls.key`, as PEM",
            ),
            (Wanted::Authorities, true) => ("no usable authorities", "see the findings about the Secret"),
            (Wanted::Authorities, false) => {
                ("no authorities to verify the other end", "put their certificates into its `ca.crt`, as PEM")
            }
        };
        let message = format!("the Secret `{}` in {} has {what}; {}", self.name, listed(&places), self.cost);
        found.warn(Code::BadSecret, self.path.clone(), message).help(help);
    }
}

fn listed(namespaces: &BTreeSet<Namespace>) -> String {
    namespaces.iter().map(|namespace| format!("`{namespace}`")).collect::<Vec<_>>().join(", ")
}

/// Checks the Secrets that the servers of a Gateway name.
pub(super) fn check_gateway(
    gateway: &Gateway,
    spec: &api::GatewaySpec,
    context: &Context<'_>,
    diagnostics: &mut Diagnostics,
) {
    let named: Vec<(&GatewayServer, Named<'_>)> = gateway
        .servers
        .iter()
        .flat_map(|server| named_by(server, spec).into_iter().map(move |named| (server, named)))
        .collect();
    let home = if context.places.is_empty() { home_of(&named, gateway, context) } else { None };
    let mut reported: BTreeSet<(usize, &str)> = BTreeSet::new();
    for (server, named) in &named {
        if reported.contains(&(server.index, named.name)) {
            continue;
        }
        let before = diagnostics.as_slice().len();
        check_named(named, home.as_ref(), context, diagnostics);
        if diagnostics.as_slice().len() > before {
            reported.insert((server.index, named.name));
        } else if named.wanted == Wanted::Certificate {
            check_hosts(server, spec, named, context, diagnostics);
        }
    }
}

fn check_named(
    named: &Named<'_>,
    home: Option<&Namespace>,
    context: &Context<'_>,
    diagnostics: &mut Diagnostics,
) {
    if named.check_name(diagnostics) {
        return;
    }
    let found = named.found_in(context);
    if found.is_empty() {
        named.report_absent(context, diagnostics);
        return;
    }
    let lacking: BTreeSet<Namespace> = context.places.difference(&found).cloned().collect();
    if !lacking.is_empty() {
        let message = format!(
            "the Secret `{}` is in {}, and {} in {} have the Secrets of that namespace only; {}",
            named.name,
            listed(&found),
            context.who,
            listed(&lacking),
            named.cost
        );
        let finding = diagnostics.warn(Code::SecretNamespace, named.path.clone(), message);
        finding.help(format!("put it into {}", listed(&lacking)));
        return;
    }
    if let Some(home) = home.filter(|home| !found.contains(*home)) {
        let message = format!(
            "the Secret `{}` is in {}, and others that the Gateway names are in `{home}`; a gateway has the Secrets of the namespace of its Pods only",
            named.name,
            listed(&found)
        );
        diagnostics
            .warn(Code::SecretNamespace, named.path.clone(), message)
            .help("put all of them into the namespace of the gateway's Pods");
        return;
    }
    let used: BTreeSet<Namespace> = match home {
        _ if !context.places.is_empty() => context.places.clone(),
        Some(home) => [home.clone()].into(),
        // Any of them may be the one.
        None if found.iter().any(|namespace| named.is_usable_in(namespace, context)) => return,
        None => found,
    };
    named.check_use(&used, context, diagnostics);
}

/// The namespace with the most of a Gateway's Secrets, if none has all that exist.
fn home_of(
    named: &[(&GatewayServer, Named<'_>)],
    gateway: &Gateway,
    context: &Context<'_>,
) -> Option<Namespace> {
    let mut counts: BTreeMap<Namespace, usize> = BTreeMap::new();
    let mut there = 0;
    for (_, named) in named {
        let found = named.found_in(context);
        there += usize::from(!found.is_empty());
        for namespace in found {
            *counts.entry(namespace).or_default() += 1;
        }
    }
    if counts.values().any(|count| *count == there) {
        return None;
    }
    // On a tie, not the Gateway's own: that is where Secrets are put by mistake.
    let is_other = |namespace: &Namespace| *namespace != gateway.origin.namespace;
    counts.into_iter().max_by_key(|(namespace, count)| (*count, is_other(namespace))).map(|(place, _)| place)
}

/// The Secrets that a server names, each with its purpose and field.
fn named_by<'a>(server: &'a GatewayServer, spec: &api::GatewaySpec) -> Vec<Named<'a>> {
    const COST: &str = "the server cannot accept connections";
    let ServerTls::Terminate(tls) = &server.tls else { return Vec::new() };
    let is = |text: Option<&String>, name: &str| text.is_some_and(|text| text == name);
    let at = |name: &str| {
        let path = path!("servers"[server.index]."tls");
        let written = spec.servers.get(server.index).and_then(|server| server.tls.as_ref());
        match written {
            Some(tls) if is(tls.ca_cert_credential_name.as_ref(), name) => path.field("caCertCredentialName"),
            Some(tls) if !is(tls.credential_name.as_ref(), name) => path.field("credentialNames").index(0),
            _ => path.field("credentialName"),
        }
    };
    let certificate = tls.certificate_secret().map(|name| (name, Wanted::Certificate));
    let authorities = tls.ca_secret().map(|name| (name, Wanted::Authorities));
    let all = certificate.into_iter().chain(authorities);
    all.map(|(name, wanted)| Named { name, wanted, path: at(name), cost: COST }).collect()
}

/// Reports hosts of a server that its certificate is not for.
fn check_hosts(
    server: &GatewayServer,
    spec: &api::GatewaySpec,
    credential: &Named<'_>,
    context: &Context<'_>,
    diagnostics: &mut Diagnostics,
) {
    let found = credential.found_in(context);
    let used = if context.places.is_empty() { &found } else { context.places };
    let parts: Vec<_> = used.iter().filter_map(|place| (context.parts)(place, credential.name)).collect();
    let of_certificate = |parts: &Arc<SecretParts>| match &parts.certificate {
        Part::Usable { value, .. } => Some(value.names.clone()),
        _ => None,
    };
    let names: Vec<AltNames> = parts.iter().filter_map(of_certificate).collect();
    // Only DNS names are compared with hosts. A certificate without any name has a finding of its own.
    if names.is_empty() || names.iter().any(|names| names.dns.is_empty()) {
        return;
    }
    let is_missed = |host: &str| host != "*" && !names.iter().any(|names| names.may_be_for(host));
    let missed = server.hosts.iter().map(|host| host.host.as_str()).filter(|host| is_missed(host));
    let hosts = spec.servers.get(server.index).map_or(&[][..], |server| &server.hosts);
    for host in missed.collect::<BTreeSet<_>>().into_iter().take(MOST_HOSTS) {
        let is_it = |written: &String| {
            written.rsplit('/').next().is_some_and(|written| written.eq_ignore_ascii_case(host))
        };
        let path = path!("servers"[server.index]."hosts");
        let path = match hosts.iter().position(is_it) {
            Some(index) => path.index(index),
            None => path,
        };
        let message =
            format!("the certificate in `{}` is not for `{host}`; clients refuse it", credential.name);
        let for_them: BTreeSet<&str> =
            names.iter().flat_map(|names| &names.dns).map(String::as_str).take(MOST_HOSTS).collect();
        let for_them: Vec<_> = for_them.into_iter().map(|name| format!("`{name}`")).collect();
        diagnostics.warn(Code::CertificateHost, path, message).help(format!(
            "name a Secret whose certificate has the host among its names; this one is for {}",
            for_them.join(", ")
        ));
    }
}

/// Checks the Secrets that a DestinationRule names, in the namespaces where its proxies run.
pub(super) fn check_rule(
    rule: &api::DestinationRuleSpec,
    context: &Context<'_>,
    diagnostics: &mut Diagnostics,
) {
    const COST: &str = "connections by this rule fail";
    for (path, tls) in tls_of_rule(rule) {
        let Some(name) = tls.credential_name.as_deref().filter(|name| !name.is_empty()) else { continue };
        let named = |wanted| Named { name, wanted, path: path.clone().field("credentialName"), cost: COST };
        let verifies = tls.insecure_skip_verify != Some(true);
        let wanted: &[Wanted] = match tls.mode.unwrap_or_default() {
            api::ClientTlsMode::Mutual if verifies => &[Wanted::Certificate, Wanted::Authorities],
            api::ClientTlsMode::Mutual => &[Wanted::Certificate],
            api::ClientTlsMode::Simple if verifies => &[Wanted::Authorities],
            _ => &[],
        };
        for wanted in wanted {
            let before = diagnostics.as_slice().len();
            check_named(&named(*wanted), None, context, diagnostics);
            if diagnostics.as_slice().len() > before {
                break;
            }
        }
    }
}

/// Pods by each of their labels, in all namespaces. Not registered: built for the first Gateway that names a Secret and
/// has no Service.
#[derive(Debug)]
struct PodsWith;

impl Index for PodsWith {
    type Input = Pods;
    type Bucket = (Arc<str>, Arc<str>);
    const NAME: &'static str = "pods by label in any namespace";

    fn buckets(_: &ConfigKey, pod: &Config<api::Pod>) -> Vec<Self::Bucket> {
        if crate::workload::pod_has_ended(&pod.spec) {
            return Vec::new();
        }
        pod.labels.iter().map(|(key, value)| (key.into(), value.into())).collect()
    }
}

/// The namespaces where the proxies that a selector selects run, according to the Services whose Pods have its labels,
/// else to the Pods themselves.
#[derive(Debug)]
pub(super) struct PlacesOf;

impl Query for PlacesOf {
    type Key = LabelSet;
    type Value = Arc<BTreeSet<Namespace>>;
    const NAME: &'static str = "places of gateways";
    const STRATUM: Stratum = strata::SCOPE;

    fn compute(cx: &Reader<'_>, selector: &LabelSet) -> Self::Value {
        let services = services_with(cx, selector);
        let is_for_them =
            |service: &&Arc<Service>| service.selector.as_ref().is_some_and(|own| own.contains_all(selector));
        let places: BTreeSet<Namespace> =
            services.iter().filter(is_for_them).map(|service| service.key.namespace.clone()).collect();
        let mut labels = selector.iter().map(|(key, value)| (Arc::from(key), Arc::from(value)));
        let (true, Some(first)) = (places.is_empty(), labels.next()) else { return Arc::new(places) };
        let pods = labels.fold(cx.index::<PodsWith>(&first), |pods, label| {
            pods.intersection(cx.index::<PodsWith>(&label))
        });
        Arc::new(pods.iter().map(|pod| pod.namespace.clone()).collect())
    }
}

/// The namespaces with a Secret of a name.
pub(super) fn namespaces_with(cx: &Reader<'_>, name: &str) -> Arc<[Namespace]> {
    (*cx.get::<NamespacesWith>(&name.into())).clone()
}
