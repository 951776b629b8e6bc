use serde_json::json;

use super::{find, forget_times};

#[test]
fn a_value_is_found_however_deep_it_is() {
    let dump =
        json!({ "configs": [{ "virtual_hosts": [{ "routes": [{ "name": "canary", "match": {} }] }] }] });
    assert!(find(&dump, &|value| value["name"] == "canary"));
    assert!(!find(&dump, &|value| value["name"] == "canary-2"));
}

#[test]
fn two_dumps_differ_in_more_than_times_or_are_the_same() {
    let dump = |time: &str, version: &str| {
        let mut dump = json!({ "configs": [{ "version_info": version, "last_updated": time }] });
        forget_times(&mut dump);
        dump
    };
    assert_eq!(dump("12:00", "a"), dump("12:01", "a"));
    assert_ne!(dump("12:00", "a"), dump("12:00", "b"));
}
