use super::*;

#[test]
fn in_a_user_namespace_the_rules_tell_the_proxy_by_its_mark() {
    let rules = by_mark(RULES_V4);
    assert!(!rules.contains("owner"), "{rules}");
    assert!(rules.contains("-A ISTIO_OUTPUT -o lo -m mark ! --mark 1337 -j RETURN\n"));
    assert!(rules.contains("-A ISTIO_OUTPUT -m mark --mark 1337 -j RETURN\n"));
    assert!(rules.ends_with("COMMIT\n"));
}

#[test]
fn both_families_have_the_same_rules() {
    let as_v6 = RULES_V4.replace("127.0.0.6/32", "::6/128").replace("127.0.0.1/32", "::1/128");
    assert_eq!(as_v6, RULES_V6);
}

#[test]
fn what_is_missing_is_named() {
    assert!(has("sh"));
    assert!(!has("no-such-program"));
    let error = run(Command::new("sh").args(["-c", "echo broken >&2; exit 1"])).unwrap_err();
    assert_eq!(error.to_string(), "sh -c echo broken >&2; exit 1: broken");
}
