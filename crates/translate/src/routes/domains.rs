//! The domains of a virtual host: every form in which a client may write the name of a service.
//!
//! Mirrors istio pilot/pkg/networking/core/httproute.go (generateVirtualHostDomains, generateAltVirtualHosts).

use std::{collections::BTreeSet, net::IpAddr, sync::Arc};

use fairlead_model::Host;
use fairlead_resource::Digest;

/// What the domains of one host are made from.
pub(super) struct HostNames<'a> {
    /// The host itself.
    pub host: &'a Host,
    /// Its aliases.
    pub aliases: &'a [Host],
    /// Its addresses.
    pub addresses: &'a [IpAddr],
    /// Whether its Pods have names below it (headless Kubernetes Services).
    pub headless: bool,
}

/// The domains, most official first: the names, their short forms as seen from `dns_domain`, the addresses.
///
/// Ports are not listed: route tables ignore the port of the authority.
pub(super) fn domains(names: &HostNames<'_>, dns_domain: &str) -> Vec<Arc<str>> {
    let mut domains: Vec<Arc<str>> = Vec::with_capacity(8);
    for host in std::iter::once(names.host).chain(names.aliases) {
        domains.push(host.as_arc().clone());
        if is_dns_name(host) {
            // A client that uses absolute DNS names may send the trailing dot.
            domains.push([host.as_str(), "."].concat().into());
        }
        domains.extend(short_forms(host.as_str(), dns_domain).map(Arc::from));
    }
    if names.headless {
        let below: Vec<Arc<str>> = domains.iter().map(|d| format!("*.{d}").into()).collect();
        domains.extend(below);
    }
    domains.extend(names.addresses.iter().map(|ip| match ip {
        IpAddr::V4(ip) => Arc::from(ip.to_string()),
        IpAddr::V6(ip) => format!("[{ip}]").into(),
    }));
    domains
}

/// The domains that the hosts of a table have claimed: Envoy rejects a table with duplicates, ignoring case.
///
/// A set of digests, for speed: it is searched for each domain, and a mesh has ten for each service.
#[derive(Default)]
pub(super) struct ClaimedDomains(BTreeSet<Digest>);

impl ClaimedDomains {
    /// Takes a domain; `false` where an earlier host has it.
    pub(super) fn claim(&mut self, domain: &str) -> bool {
        self.0.insert(folded(domain))
    }

    /// Whether a host has the domain.
    pub(super) fn has(&self, domain: &str) -> bool {
        self.0.contains(&folded(domain))
    }
}

fn folded(domain: &str) -> Digest {
    if domain.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Digest::of(domain.to_ascii_lowercase().as_bytes())
    } else {
        Digest::of(domain.as_bytes())
    }
}

/// `a`, `a.ns.svc` and `a.ns` for `a.ns.svc.cluster.local`; the bare `a` only within the same namespace.
///
/// Only names below the client's own `svc.cluster.local` have short forms: authors of ServiceEntries choose hosts
/// freely, and `a.ns.svc.elsewhere.test` must not take the names of a Service. Nor may a form be a name of another
/// Service: a wildcard has no bare form, which would be `*`, and below a namespace called `svc` only single names have
/// forms, since `a.ns` there would be `a.ns.svc`.
fn short_forms<'a>(host: &'a str, dns_domain: &str) -> impl Iterator<Item = &'a str> {
    let forms = || {
        let (namespace, services) = dns_domain.split_at(dns_domain.find(".svc.")?);
        let before_svc = host.strip_suffix(services)?;
        let (name, service_namespace) = before_svc.rsplit_once('.')?;
        let is_single = !name.contains(['.', '*']);
        if name.is_empty() || (service_namespace == "svc" && !is_single) {
            return None;
        }
        let own = (is_single && service_namespace == namespace).then_some(name);
        Some([own, Some(&host[..before_svc.len() + ".svc".len()]), Some(before_svc)])
    };
    forms().into_iter().flatten().flatten()
}

/// Whether a host has a short name for clients of this domain only.
pub(super) fn has_bare_name(host: &Host, dns_domain: &str) -> bool {
    let (name, rest) = host.as_str().split_once('.').unwrap_or((host.as_str(), ""));
    rest == dns_domain && !name.contains('*')
}

fn is_dns_name(host: &Host) -> bool {
    !host.is_wildcard() && !host.as_str().ends_with('.') && host.as_str().parse::<IpAddr>().is_err()
}

#[cfg(test)]
mod tests;
