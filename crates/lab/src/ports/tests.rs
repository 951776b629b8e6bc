use std::collections::BTreeSet;

use super::*;

#[test]
fn addresses_are_distinct_beyond_one_block() {
    let addresses: BTreeSet<_> = (0..600).map(|_| loopback()).collect();
    assert_eq!(addresses.len(), 600);
    assert!(addresses.iter().all(|a| a.is_loopback() && a.octets()[1] != 0));
}

#[test]
fn a_block_that_another_holds_is_passed_over() {
    let first = take_block(BLOCKS - 1);
    let second = take_block(first.number);
    assert_ne!(first.number, second.number);
}

#[test]
fn an_address_in_use_is_not_free() {
    let address = at(18_080).unwrap();
    let held = TcpListener::bind(address).unwrap();
    check_free(address).unwrap_err();
    drop(held);
    check_free(address).unwrap();
}

#[test]
fn free_ports_are_distinct() {
    let ip = IpAddr::V4(loopback());
    let ports: BTreeSet<_> = (0..200).map(|_| free_port(ip).unwrap()).collect();
    assert_eq!(ports.len(), 200);
}
