use fairlead_xds::server::Peer;

use super::may_have_secrets;

fn peer(address: &str, tls: bool) -> Peer {
    Peer { address: Some(address.parse().expect("an address")), tls, ..Peer::default() }
}

#[test]
fn secrets_go_to_loopback_or_through_tls_only() {
    assert!(may_have_secrets(&peer("127.0.0.1:9", false)));
    assert!(may_have_secrets(&peer("127.8.9.1:9", false)));
    assert!(may_have_secrets(&peer("[::1]:9", false)));
    assert!(may_have_secrets(&peer("[::ffff:127.0.0.1]:9", false)));
    assert!(may_have_secrets(&peer("10.0.0.1:9", true)));
    assert!(!may_have_secrets(&peer("10.0.0.1:9", false)));
    assert!(!may_have_secrets(&Peer::default()));
}
