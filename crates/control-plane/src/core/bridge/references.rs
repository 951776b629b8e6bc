//! The subsets that routes name, and those that a rule defines.

use std::collections::BTreeSet;

use fairlead_api::{Destination, DestinationRuleSpec, VirtualServiceSpec};
use fairlead_config::Config;
use fairlead_model::Host;

/// A subset to which a route leads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Reference {
    /// The host, completed.
    pub(super) host: Host,
    /// The name of the subset.
    pub(super) subset: String,
}

pub(super) type References = BTreeSet<Reference>;

/// The subsets to which the routes of a VirtualService lead, including mirrors.
pub(super) fn references(routes: &Config<VirtualServiceSpec>, domain: &str) -> References {
    let VirtualServiceSpec { http, tls, tcp, .. } = &*routes.spec;
    let http = http.iter().flat_map(|http| {
        let to = http.route.iter().map(|route| &route.destination);
        to.chain(&http.mirror).chain(http.mirrors.iter().map(|mirror| &mirror.destination))
    });
    let tls = tls.iter().flat_map(|tls| tls.route.iter().map(|route| &route.destination));
    let tcp = tcp.iter().flat_map(|tcp| tcp.route.iter().map(|route| &route.destination));
    let reference = |to: &Destination| {
        let subset = to.subset.clone().filter(|name| !name.is_empty())?;
        Some(Reference { host: Host::resolve(&to.host, routes.key.namespace.as_str(), domain), subset })
    };
    http.chain(tls).chain(tcp).filter_map(reference).collect()
}

/// Whether a rule defines a subset of a host. The rule's visibility is ignored, since unneeded subsets do no harm.
pub(super) fn defines(rule: &Config<DestinationRuleSpec>, reference: &Reference, domain: &str) -> bool {
    rule.spec.subsets.iter().any(|subset| subset.name == reference.subset)
        && rule_host(rule, domain).covers(&reference.host)
}

/// The host of a rule, completed.
pub(super) fn rule_host(rule: &Config<DestinationRuleSpec>, domain: &str) -> Host {
    Host::resolve(&rule.spec.host, rule.key.namespace.as_str(), domain)
}
