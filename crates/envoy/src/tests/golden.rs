//! Golden files: what is printed stands in `tests/golden/<name>.yaml`, refreshed by `UPDATE=1`.

use prost::{Message, Name};
use serde_json::Value;

use crate::{
    encode,
    json::{deprecated_fields, dump_message, to_yaml},
};

/// Compares messages with a golden file, and finds deprecated fields in them.
pub(crate) fn check_messages<'a, M: Message + Name + 'a>(
    name: &str,
    messages: impl IntoIterator<Item = &'a M>,
) {
    let mut printed = Vec::new();
    for message in messages {
        let deprecated = deprecated_fields(&M::full_name(), &encode(message)).unwrap();
        assert!(deprecated.is_empty(), "{name}: {deprecated:?}");
        printed.push(dump_message(message).unwrap());
    }
    check(name, &printed.into());
}

/// Every golden file.
const NAMES: [&str; 17] = [
    "bootstrap-full",
    "bootstrap-plain",
    "clusters-discovery",
    "clusters-everything",
    "clusters-load-balancing",
    "clusters-protocols",
    "config-sources",
    "endpoints",
    "fault-grpc",
    "http-connection-managers",
    "listener-inspecting",
    "listener-intercepting",
    "listener-of-chains",
    "route-table",
    "secrets",
    "server-name-matcher",
    "transport-sockets",
];

#[test]
fn no_golden_file_is_orphaned() {
    let mut found: Vec<String> = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    found.sort_unstable();
    assert_eq!(found, NAMES.map(|name| format!("{name}.yaml")));
}

/// Compares `json`, as YAML, with the golden file called `name`.
pub(crate) fn check(name: &str, json: &Value) {
    assert!(NAMES.contains(&name), "{name} is not in the list of golden files");
    let path = format!("{}/tests/golden/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
    let actual = to_yaml(json);
    if update() {
        std::fs::write(&path, &actual).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(actual == expected, "{path} is stale: run with UPDATE=1\n--- now:\n{actual}");
}

/// Whether generated files are to be refreshed.
#[expect(clippy::disallowed_methods, reason = "the switch of golden files; tests have no typed settings")]
pub(crate) fn update() -> bool {
    std::env::var("UPDATE").is_ok_and(|value| value == "1")
}
