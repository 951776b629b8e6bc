use std::collections::BTreeMap;

use fairlead_control_plane::version::Version;

use super::{Versions, text};

#[test]
fn there_is_a_line_for_each_that_answers() {
    let of = |version: &str, commit: Option<&str>| Version {
        version: version.to_owned(),
        commit: commit.map(str::to_owned),
    };
    let mut versions = Versions { client_version: of("0.2.0", Some("abc")), ..Versions::default() };
    assert_eq!(text(&versions), "client version: 0.2.0 (commit abc)\n");
    versions.server_version = Some(of("0.1.0\u{1b}[2J", None));
    versions.proxies = BTreeMap::from([("1.39.0".to_owned(), 1), ("1.40.0".to_owned(), 2)]);
    assert_eq!(
        text(&versions),
        "client version: 0.2.0 (commit abc)\nserver version: 0.1.0\\u{1b}[2J\n\
         data plane version: 1.39.0 (1 proxy), 1.40.0 (2 proxies)\n"
    );
}
