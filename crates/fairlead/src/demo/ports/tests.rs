use std::{io, net::SocketAddr};

use super::Ports;

fn taken(port: u16, address: SocketAddr) -> io::Result<()> {
    if address.port() == port { Err(io::ErrorKind::AddrInUse.into()) } else { Ok(()) }
}

#[test]
fn a_port_that_is_taken_is_named_with_what_to_do() {
    let said =
        Ports::default().check_by(|address| taken(8080, address)).expect_err("8080 is taken").to_string();
    for part in ["port 8080 is taken", "sport = :8080", "--shift-ports 1000"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert_eq!(said.lines().count(), 3, "no other port is named: {said}");
}

#[test]
fn a_shift_is_proposed_that_leads_to_free_ports() {
    let is_free = |address: SocketAddr| taken(8080, address).and_then(|()| taken(10_080, address));
    let said = Ports::default().check_by(is_free).expect_err("8080 is taken").to_string();
    assert!(said.contains("--shift-ports 10000"), "9080 + 1000 is taken: {said}");
    Ports::shifted(10_000).check_by(is_free).expect("what was proposed is free");
}

#[test]
fn what_else_fails_is_told_as_it_is() {
    let denied = |_| Err(io::ErrorKind::PermissionDenied.into());
    let said = Ports::default().check_by(denied).expect_err("nothing is allowed").to_string();
    assert!(said.contains("cannot listen on 127."), "{said}");
    assert!(!said.contains("--shift-ports"), "{said}");
}

#[test]
fn the_largest_shift_leaves_ports() {
    assert_eq!(Ports::shifted(u16::MAX).admin(), u16::MAX);
}
