use super::*;

#[test]
fn deprecation_warnings_are_found_whatever_their_case() {
    let log = "[info] all good\n[warning] Deprecated field: type Foo Using deprecated option 'x'\n[info] bye";
    assert_eq!(deprecations(log), ["[warning] Deprecated field: type Foo Using deprecated option 'x'"]);
}

#[test]
fn a_bootstrap_with_an_admin_address_keeps_it() {
    assert!(has_admin("admin: {address: {pipe: {path: /x}}}").unwrap());
    assert!(!has_admin("admin: {access_log: []}\nnode: {id: a}").unwrap());
    assert!(!has_admin("{\"node\": {\"id\": \"a\"}}").unwrap());
}

#[test]
fn the_tail_of_a_log_begins_at_a_character() {
    let log = "é".repeat(TAIL_BYTES);
    assert!(tail(&log).len() <= TAIL_BYTES);
    assert_eq!(tail("short"), "short");
}
