use super::*;

fn ranges(texts: &[&str]) -> Vec<IpNet> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn hosts(names: &[&str]) -> Vec<Host> {
    names.iter().map(|name| Host::new(name)).collect()
}

/// What is given of some ranges to one after another.
fn check(families: IpFamilies, claims: &[(&[&str], Option<&[&str]>)]) {
    let mut made = Claims::new(families);
    for (wanted, given) in claims {
        assert_eq!(made.free(&ranges(wanted)), given.map(ranges), "{wanted:?}");
    }
}

#[test]
fn ranges_that_are_equal_once_masked_are_one() {
    check(IpFamilies::V4, &[(&["10.9.0.1/8", "10.9.0.2/8"], Some(&["10.0.0.0/8"]))]);
    check(IpFamilies::V4, &[(&["fd00::1/16", "fd00::2/16"], Some(&["fd00::/16"]))]);
    check(IpFamilies::V4, &[(&["10.0.0.1/32", "10.0.0.1/32"], Some(&["10.0.0.1/32"]))]);
}

#[test]
fn what_is_taken_is_left_out_and_the_rest_given() {
    check(
        IpFamilies::V4,
        &[
            (&["10.0.0.0/8"], Some(&["10.0.0.0/8"])),
            (&["10.1.0.0/8", "10.1.0.0/16"], Some(&["10.1.0.0/16"])),
            (&["10.2.0.0/8"], None),
            (&[], Some(&[])),
            (&[], None),
        ],
    );
}

#[test]
fn a_range_of_every_address_is_no_condition() {
    check(IpFamilies::V4, &[(&["0.0.0.0/0", "1.2.3.4/0"], Some(&[])), (&[], None)]);
    check(IpFamilies::V6, &[(&["::/0", "fd00::/8"], Some(&[])), (&[], None)]);
    check(IpFamilies::Dual, &[(&["0.0.0.0/0", "::/0"], Some(&[])), (&[], None)]);
}

#[test]
fn a_range_of_one_family_of_two_is_its_halves() {
    check(
        IpFamilies::Dual,
        &[(&["0.0.0.0/0", "9.9.9.9/0"], Some(&["0.0.0.0/1", "128.0.0.0/1"])), (&[], Some(&[]))],
    );
    check(IpFamilies::V4, &[(&["::/0"], Some(&["::/1", "8000::/1"])), (&[], Some(&[]))]);
}

#[test]
fn names_are_given_in_the_ranges_where_each_is_free() {
    let mut claims = Claims::new(IpFamilies::V4);
    let mut claim = |names: &[&str], of: &[&str]| claims.server_names(&hosts(names), &ranges(of));
    assert_eq!(claim(&["a.com"], &["10.0.0.0/8"]), [(hosts(&["a.com"]), ranges(&["10.0.0.0/8"]))]);
    assert_eq!(
        claim(&["a.com", "b.com", "b.com"], &["10.0.0.1/8", "11.0.0.0/8", "11.0.0.1/8"]),
        [
            (hosts(&["a.com"]), ranges(&["11.0.0.0/8"])),
            (hosts(&["b.com"]), ranges(&["10.0.0.0/8", "11.0.0.0/8"])),
        ]
    );
    assert_eq!(claim(&["a.com", "*"], &[]), [(hosts(&["a.com", "*"]), Vec::new())]);
    assert!(claim(&["*"], &["0.0.0.0/0"]).is_empty());
}
