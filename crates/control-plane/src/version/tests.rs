use super::{TEXT, Version};

#[test]
fn the_line_has_the_version_and_the_commit_if_it_is_known() {
    assert_eq!(Version::own().to_string(), TEXT);
    assert!(TEXT.starts_with(env!("CARGO_PKG_VERSION")), "{TEXT}");
    let known = Version { version: "1.2.3".to_owned(), commit: Some("0123456789ab".to_owned()) };
    assert_eq!(known.to_string(), "1.2.3 (commit 0123456789ab)");
}

#[test]
fn a_server_that_tells_no_commit_is_understood() {
    let read: Version = serde_json::from_str(r#"{"version": "0.1.0", "more": 1}"#).expect("a version");
    assert_eq!(read.to_string(), "0.1.0");
}
