use std::collections::BTreeMap;

use super::server_name_matcher;
use crate::{encode, tests::golden::check_messages};

#[test]
fn the_most_specific_name_is_asked_for_first() {
    let chains = BTreeMap::from([
        ("shop.example.com", "l/shop"),
        ("CART.example.com", "l/shop"),
        ("*.example.com", "l/example"),
        ("*.eu.example.com", "l/europe"),
        ("*", "l/any"),
    ]);
    check_messages("server-name-matcher", [&server_name_matcher(&chains).unwrap()]);
}

#[test]
fn what_takes_every_connection_is_not_compared() {
    assert_eq!(server_name_matcher(&BTreeMap::from([("*", "l/any")])), None);
    assert_eq!(server_name_matcher(&BTreeMap::new()), None);
}

#[test]
fn equal_names_give_equal_bytes() {
    let names: Vec<String> = (0..100).map(|i| format!("host-{i}.example.com")).collect();
    let chains: BTreeMap<&str, &str> = names.iter().map(|name| (&**name, "l/any")).collect();
    let bytes = || encode(&server_name_matcher(&chains).unwrap());
    assert_eq!(bytes(), bytes());
}
