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
fn hosts_of_other_domains_do_not_take_the_short_names_of_services() {
    for host in [
        "a.shop.svc.c2.example.test",
        "a.shop.svc.cluster.local.example.test",
        "a.shop.svc.other.svc.example.test",
        "a.shop.svc.evilcluster.local",
    ] {
        assert_eq!(names(host, "shop.svc.cluster.local"), [host, &format!("{host}.")]);
    }
    assert_eq!(
        names("a.shop.svc.c2.example.test", "shop.svc.c2.example.test"),
        ["a.shop.svc.c2.example.test", "a.shop.svc.c2.example.test.", "a", "a.shop.svc", "a.shop"]
    );
}

#[test]
fn no_host_below_the_domain_has_the_short_name_of_another_service() {
    assert_eq!(names("a.shop.svc.svc.cluster.local", "shop.svc.cluster.local").len(), 2);
    assert_eq!(names("*.svc.svc.cluster.local", "shop.svc.cluster.local"), ["*.svc.svc.cluster.local"]);
    assert_eq!(
        names("a.shop.svc.x.svc.cluster.local", "shop.svc.cluster.local"),
        [
            "a.shop.svc.x.svc.cluster.local",
            "a.shop.svc.x.svc.cluster.local.",
            "a.shop.svc.x.svc",
            "a.shop.svc.x"
        ]
    );
    assert_eq!(
        names("db-0.db.shop.svc.cluster.local", "shop.svc.cluster.local"),
        [
            "db-0.db.shop.svc.cluster.local",
            "db-0.db.shop.svc.cluster.local.",
            "db-0.db.shop.svc",
            "db-0.db.shop"
        ]
    );
}

#[test]
fn a_wildcard_has_no_short_form_that_reaches_beyond_its_namespace() {
    assert_eq!(
        names("*.shop.svc.cluster.local", "shop.svc.cluster.local"),
        ["*.shop.svc.cluster.local", "*.shop.svc", "*.shop"]
    );
    assert_eq!(
        names("*-db.shop.svc.cluster.local", "shop.svc.cluster.local"),
        ["*-db.shop.svc.cluster.local", "*-db.shop.svc", "*-db.shop"]
    );
    assert_eq!(names("*.svc.cluster.local", "shop.svc.cluster.local"), ["*.svc.cluster.local"]);
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
