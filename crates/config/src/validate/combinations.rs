//! Limits on products of lists: each list is bounded by the size of its document, their products are not.

use fairlead_api::{DestinationRuleSpec, ServiceEntrySpec, SidecarSpec, VirtualServiceSpec};

use crate::{Code, Diagnostics, FieldPath, path};

/// Maximum number of routes of an object.
const MOST_ROUTES: usize = 200_000;
/// Maximum number of endpoints of an object.
const MOST_ENDPOINTS: usize = 200_000;
/// Maximum number of clusters of an object.
const MOST_CLUSTERS: usize = 20_000;
/// Maximum number of subsets of an object: each service that it applies to has all of them.
const MOST_SUBSETS: usize = 1_000;
/// Maximum number of `egress` listeners of a Sidecar: each may see the whole mesh.
const MOST_EGRESS: usize = 128;

pub(super) fn virtual_service(spec: &VirtualServiceSpec, found: &mut Diagnostics) {
    let http = spec.http.iter().map(|rule| (rule.matches.len(), rule.route.len()));
    let tls = spec.tls.iter().map(|rule| (rule.matches.len(), rule.route.len()));
    let tcp = spec.tcp.iter().map(|rule| (rule.matches.len(), rule.route.len()));
    let routes = http.chain(tls).chain(tcp);
    let routes: usize = routes.map(|(matches, route)| matches.max(1).saturating_mul(route.max(1))).sum();
    let lists =
        [("hosts", spec.hosts.len()), ("gateways", spec.gateways.len()), ("destinations of matches", routes)];
    check("routes", MOST_ROUTES, &lists, path!("hosts"), found);
}

pub(super) fn service_entry(spec: &ServiceEntrySpec, found: &mut Diagnostics) {
    let (hosts, ports) = (("hosts", spec.hosts.len()), ("ports", spec.ports.len()));
    check("clusters", MOST_CLUSTERS, &[hosts, ports], path!("hosts"), found);
    check(
        "endpoints",
        MOST_ENDPOINTS,
        &[hosts, ports, ("endpoints", spec.endpoints.len())],
        path!("hosts"),
        found,
    );
}

pub(super) fn destination_rule(spec: &DestinationRuleSpec, found: &mut Diagnostics) {
    beyond("subsets", spec.subsets.len(), MOST_SUBSETS, &path!("subsets"), found);
}

pub(super) fn sidecar(spec: &SidecarSpec, found: &mut Diagnostics) {
    beyond("listeners", spec.egress.len(), MOST_EGRESS, &path!("egress"), found);
}

/// Reports the items after the first `most` of a list; the others stay.
fn beyond(what: &str, len: usize, most: usize, path: &FieldPath, found: &mut Diagnostics) {
    for index in most..len {
        let text = format!("{len} {what} are more than an object may have, {most}");
        found.error(Code::TooManyCombinations, path.clone().index(index), text).help("write several objects");
    }
}

/// Reports lists that make more than `most` of something together; empty ones make no difference.
fn check(what: &str, most: usize, lists: &[(&str, usize)], path: FieldPath, found: &mut Diagnostics) {
    let made = lists.iter().map(|(_, len)| (*len).max(1)).fold(1, usize::saturating_mul);
    if made <= most {
        return;
    }
    let factors = lists.iter().filter(|(_, len)| *len > 1).map(|(name, len)| format!("{len} {name}"));
    let factors: Vec<String> = factors.collect();
    let text = format!("{} make {made} {what}, more than an object may have, {most}", factors.join(" × "));
    found.error(Code::TooManyCombinations, path, text).help("write several objects");
}

#[cfg(test)]
mod tests {
    use fairlead_api::{
        Destination, HttpMatchRequest, HttpRoute, HttpRouteDestination, ServiceEntryPort, Subset,
    };

    use super::*;
    use crate::{ConfigKey, Kind};

    fn findings(check: impl Fn(&mut Diagnostics)) -> Vec<String> {
        let mut found = Diagnostics::on_object(&ConfigKey::new(Kind::VirtualService, "shop", "v"));
        check(&mut found);
        found.as_slice().iter().map(|finding| finding.message.clone()).collect()
    }

    #[test]
    fn hosts_times_ports_times_endpoints_are_bounded() {
        let of = |hosts: usize, ports: usize, endpoints: usize| {
            let spec = ServiceEntrySpec {
                hosts: vec!["a.test".to_owned(); hosts],
                ports: vec![ServiceEntryPort::default(); ports],
                endpoints: vec![fairlead_api::WorkloadEntrySpec::default(); endpoints],
                ..ServiceEntrySpec::default()
            };
            findings(|found| service_entry(&spec, found))
        };
        assert!(of(200, 100, 0).is_empty());
        assert!(of(20, 10, 1_000).is_empty());
        assert_eq!(
            of(20, 10, 1_001),
            [
                "20 hosts × 10 ports × 1001 endpoints make 200200 endpoints, more than an object may have, 200000"
            ]
        );
        assert_eq!(
            of(20_001, 1, 0),
            ["20001 hosts make 20001 clusters, more than an object may have, 20000"]
        );
    }

    #[test]
    fn hosts_times_matches_times_destinations_are_bounded() {
        let of = |hosts: usize, routes: usize| {
            let rule = HttpRoute {
                matches: vec![HttpMatchRequest::default(); 2],
                route: vec![
                    HttpRouteDestination { destination: Destination::default(), ..<_>::default() };
                    5
                ],
                ..HttpRoute::default()
            };
            let spec = VirtualServiceSpec {
                hosts: vec!["a.test".to_owned(); hosts],
                http: vec![rule; routes],
                ..VirtualServiceSpec::default()
            };
            findings(|found| virtual_service(&spec, found))
        };
        assert!(of(100, 200).is_empty());
        assert_eq!(of(101, 200).len(), 1);
    }

    #[test]
    fn subsets_and_egress_listeners_are_bounded() {
        let rule =
            |subsets| DestinationRuleSpec { subsets: vec![Subset::default(); subsets], ..<_>::default() };
        assert!(findings(|found| destination_rule(&rule(1_000), found)).is_empty());
        let found = findings(|found| destination_rule(&rule(1_001), found));
        assert_eq!(found, ["1001 subsets are more than an object may have, 1000"]);
        assert_eq!(findings(|found| destination_rule(&rule(1_002), found)).len(), 2);
        let spec = SidecarSpec { egress: vec![<_>::default(); 129], ..SidecarSpec::default() };
        assert_eq!(findings(|found| sidecar(&spec, found)).len(), 1);
    }
}
