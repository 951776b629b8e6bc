use super::Host;

fn covers(a: &str, b: &str) -> bool {
    Host::new(a).covers(&Host::new(b))
}

#[test]
fn a_wildcard_covers_names_below_it_and_not_itself_without_a_label() {
    assert!(covers("*.example.com", "a.example.com"));
    assert!(covers("*.example.com", "a.b.example.com"));
    assert!(covers("*.example.com", "*.b.example.com"));
    assert!(!covers("*.example.com", "example.com"));
    assert!(!covers("*.example.com", "*.com"));
    assert!(covers("*", "example.com"));
    assert!(covers("*", "*.example.com"));
    assert!(!covers("example.com", "*.example.com"));
}

#[test]
fn only_names_of_one_label_are_short() {
    let resolve = |host| Host::resolve(host, "shop", "cluster.local").to_string();
    assert_eq!(resolve("reviews"), "reviews.shop.svc.cluster.local");
    assert_eq!(resolve("reviews.prod"), "reviews.prod");
    assert_eq!(resolve("*"), "*");
    assert_eq!(resolve("Reviews"), "reviews.shop.svc.cluster.local");
    assert_eq!(resolve("::1"), "::1");
}

#[test]
fn exact_hosts_sort_before_longer_and_shorter_wildcards() {
    let mut hosts = ["*", "*.com", "*.example.com", "b.com"].map(Host::new);
    hosts.sort_by(Host::by_specificity);
    assert_eq!(hosts.map(|h| h.to_string()), ["b.com", "*.example.com", "*.com", "*"]);
}
