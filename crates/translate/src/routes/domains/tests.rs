use fairlead_model::Host;

use super::{HostNames, domains};

fn names(host: &str, dns_domain: &str) -> Vec<String> {
    let host = Host::new(host);
    let names = HostNames { host: &host, aliases: &[], addresses: &[], headless: false };
    domains(&names, dns_domain).iter().map(ToString::to_string).collect()
}

#[test]
fn the_bare_name_is_a_domain_within_the_namespace_only() {
    assert_eq!(
        names("a.shop.svc.cluster.local", "shop.svc.cluster.local"),
        ["a.shop.svc.cluster.local", "a.shop.svc.cluster.local.", "a", "a.shop.svc", "a.shop"]
    );
    assert_eq!(
        names("a.shop.svc.cluster.local", "other.svc.cluster.local"),
        ["a.shop.svc.cluster.local", "a.shop.svc.cluster.local.", "a.shop.svc", "a.shop"]
    );
}

#[test]
fn hosts_outside_of_kubernetes_have_no_short_forms() {
    assert_eq!(names("api.example.com", "shop.svc.cluster.local"), ["api.example.com", "api.example.com."]);
    assert_eq!(names("*.example.com", "shop.svc.cluster.local"), ["*.example.com"]);
    assert_eq!(names("10.0.0.1", "shop.svc.cluster.local"), ["10.0.0.1"]);
}

#[test]
fn addresses_and_pods_of_headless_services_are_domains() {
    let host = Host::new("db.shop.svc.cluster.local");
    let addresses = ["10.0.0.1".parse().unwrap(), "fd00::1".parse().unwrap()];
    let names = HostNames { host: &host, aliases: &[], addresses: &addresses, headless: true };
    let domains: Vec<String> =
        domains(&names, "x.svc.cluster.local").iter().map(ToString::to_string).collect();
    assert_eq!(
        domains,
        [
            "db.shop.svc.cluster.local",
            "db.shop.svc.cluster.local.",
            "db.shop.svc",
            "db.shop",
            "*.db.shop.svc.cluster.local",
            "*.db.shop.svc.cluster.local.",
            "*.db.shop.svc",
            "*.db.shop",
            "10.0.0.1",
            "[fd00::1]"
        ]
    );
}

#[test]
fn a_domain_without_a_namespace_yields_no_short_forms() {
    assert_eq!(names("a.shop.svc.cluster.local", "svc.cluster.local").len(), 2);
    assert_eq!(names("a.shop.svc.cluster.local", "").len(), 2);
}
