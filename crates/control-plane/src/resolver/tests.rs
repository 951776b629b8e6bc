use fairlead_resource::TypeUrl;
use fairlead_xds::{AgentVersion, ElementTypes, server::Peer};

use super::{elements_for, may_have_secrets};

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

#[test]
fn elements_go_to_versions_of_envoy_that_were_tested() {
    let wanted = ElementTypes::from([TypeUrl::VIRTUAL_HOST, TypeUrl::FILTER_CHAIN]);
    let sent = |agent: &str, major, minor| {
        elements_for(agent, Some(AgentVersion { major, minor, patch: 0 }), &wanted)
    };
    assert_eq!(sent("envoy", 1, 40), wanted);
    assert_eq!(sent("envoy", 1, 41), wanted);
    for other in [sent("envoy", 1, 39), sent("envoy", 2, 40), sent("grpc", 1, 40)] {
        assert_eq!(other, ElementTypes::default());
    }
    assert_eq!(elements_for("envoy", None, &wanted), ElementTypes::default());
}
