use envoy_types::pb::envoy::{
    config::core::v3::{BuildVersion, Extension, Locality as ProtoLocality},
    r#type::v3::SemanticVersion,
};

use super::*;

#[test]
fn extensions_are_not_kept() {
    let node = Node::from_proto(ProtoNode {
        id: "sidecar~1.2.3.4~a.b~c".into(),
        cluster: "a".into(),
        extensions: vec![Extension::default(); 500],
        locality: Some(ProtoLocality { region: "r".into(), zone: "z".into(), sub_zone: "s".into() }),
        user_agent_name: "envoy".into(),
        user_agent_version_type: Some(UserAgentVersionType::UserAgentBuildVersion(BuildVersion {
            version: Some(SemanticVersion { major_number: 1, minor_number: 40, patch: 2 }),
            metadata: None,
        })),
        ..Default::default()
    });
    assert_eq!(node.user_agent_version, Some(AgentVersion { major: 1, minor: 40, patch: 2 }));
    assert_eq!((&*node.locality.region, &*node.locality.sub_zone), ("r", "s"));
    assert!(!format!("{node:?}").contains("metadata"));
}

#[test]
fn versions_as_text_are_read() {
    let version = |text| parse_version(text).map(|v| (v.major, v.minor, v.patch));
    assert_eq!(version("1.40.2"), Some((1, 40, 2)));
    assert_eq!(version("1.40"), Some((1, 40, 0)));
    assert_eq!(version("1.41.0-dev"), Some((1, 41, 0)));
    assert_eq!(version("latest"), None);
}
