use fairlead_envoy::listener::{TransportProtocol, filter_chain};

use super::*;

/// A chain: its name, the server names and the ranges.
fn chain(name: &str, names: &[&str], ranges: &[&str]) -> FilterChain {
    let ranges: Vec<IpNet> = ranges.iter().map(|range| range.parse().unwrap()).collect();
    filter_chain().name(name).server_names(names.iter().copied()).prefix_ranges(cidrs(&ranges)).build()
}

/// The chains that come of `chains`.
fn check(chains: &[FilterChain], expected: &[FilterChain]) {
    let found: Vec<_> = within_ranges(chains.to_vec()).into_iter().map(|(_, chain)| chain).collect();
    assert_eq!(found, expected);
}

#[test]
fn nothing_is_added_where_no_names_decide_within_a_range() {
    let chains =
        [chain("a", &["a.com"], &[]), chain("all", &[], &["10.0.0.0/8"]), chain("b", &["b.com"], &[])];
    check(&chains, &chains);
    let chains = [chain("a", &["a.com"], &[]), chain("b", &["b.com", "*.b.com"], &[])];
    check(&chains, &chains);
}

#[test]
fn a_name_within_a_range_does_not_cut_off_the_others_there() {
    let chains = [
        chain("evil", &["evil.com"], &["0.0.0.0/1", "128.0.0.0/1"]),
        chain("shop", &["shop.com", "*.shop.com"], &[]),
        chain("any", &[], &[]),
    ];
    let copies = [
        chain("shop#ranges", &["shop.com", "*.shop.com"], &["0.0.0.0/1", "128.0.0.0/1"]),
        chain("any#ranges", &[], &["0.0.0.0/1", "128.0.0.0/1"]),
    ];
    check(&chains, &[&chains[..], &copies].concat());
}

#[test]
fn the_narrowest_range_that_has_a_name_has_it_within() {
    let chains = [
        chain("narrow", &["a.com", "*.w.com"], &["10.1.1.0/24"]),
        chain("wide", &["a.com", "b.com", "c.w.com"], &["10.0.0.0/8"]),
        chain("wider", &[], &["10.0.0.0/7"]),
        chain("everywhere", &["b.com", "d.com"], &[]),
    ];
    let copies = [
        chain("wide#ranges", &["b.com"], &["10.1.1.0/24"]),
        chain("wider#ranges", &[], &["10.1.1.0/24", "10.0.0.0/8"]),
    ];
    check(&chains, &[&chains[..], &copies].concat());
}

#[test]
fn plaintext_is_told_apart_within_ranges_of_names_as_well() {
    let http = |name: &str, ranges: &[&str]| {
        let mut chain = chain(name, &[], ranges);
        let condition = chain.filter_chain_match.get_or_insert_default();
        condition.transport_protocol = TransportProtocol::RawBuffer.as_str().to_owned();
        chain
    };
    let chains = [http("http", &[]), chain("a", &["a.com"], &["10.0.0.0/8"])];
    check(&chains, &[&chains[..], &[http("http#ranges", &["10.0.0.0/8"])]].concat());
}

#[test]
fn ranges_that_would_repeat_too_many_names_are_left_out() {
    let names: Vec<String> = (0..300).map(|at| format!("s{at}.com")).collect();
    let shop = |name: &str, ranges: &[&str]| {
        chain(name, &names.iter().map(String::as_str).collect::<Vec<_>>(), ranges)
    };
    let ranges: Vec<String> = (0..=255).map(|at| format!("10.0.{at}.0/24")).collect();
    let ranges: Vec<&str> = ranges.iter().map(String::as_str).collect();
    let fit = MOST_REPEATED / 300;
    let chains =
        [shop("shop", &[]), chain("evil", &["evil.com"], &ranges), chain("more", &["x.com"], &ranges[200..])];
    let kept = [
        chain("evil", &["evil.com"], &ranges[..fit]),
        chain("more", &["x.com"], &ranges[200..fit]),
        shop("shop#ranges", &ranges[..fit]),
    ];
    check(&chains, &[&chains[..1], &kept].concat());
}
