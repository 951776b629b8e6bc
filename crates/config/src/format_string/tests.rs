//! What is taken and what is not; `tests/it/format_strings.rs` of `translate` compares both with a real Envoy.

use super::*;

#[test]
fn header_values_with_a_percent_sign_that_begins_no_operator_are_refused() {
    for value in
        ["100%", "a%20b", "-----BEGIN%20CERTIFICATE-----%0AMIIC", "%", "%%%", "%BOGUS%", "%req(a)%", "%REQ%"]
    {
        assert!(header_value(value).is_err(), "{value}");
    }
    for value in
        ["", "100%%", "%REQ(:path)%", "%REQ(x?y):5%", "%START_TIME(%Y-%m-%dT%H:%M:%S.%3fZ)%", "a%PROTOCOL%b"]
    {
        assert_eq!(header_value(value), Ok(()), "{value}");
    }
}

#[test]
fn operators_that_read_the_proxy_or_end_it_are_refused_in_header_values() {
    for value in
        ["%ENVIRONMENT(AWS_SECRET_ACCESS_KEY)%", "%ENVIRONMENT(HOME):4%", "%COALESCE(8)%", "%CEL(1+)%"]
    {
        assert!(header_value(value).is_err(), "{value}");
    }
    assert_eq!(access_log("%ENVIRONMENT(HOSTNAME)% %CEL(request.headers['x-a'])%"), Ok(()));
    assert!(access_log("%COALESCE(8)%").is_err());
}

#[test]
fn line_breaks_are_for_access_logs_only() {
    assert!(header_value("a\nb").is_err());
    assert_eq!(access_log("%PROTOCOL%\n"), Ok(()));
    assert!(access_log("%START_TIME(%n)%").is_err());
    assert!(access_log("%START_TIME(%-5En)%").is_err());
    assert!(access_log("%REQ(a\n)%").is_err());
}

#[test]
fn an_unknown_operator_is_named() {
    let why = access_log("[%START_TIME%] %BOGUS%").expect_err("it is unknown");
    assert!(why.contains("`BOGUS` is no command operator"), "{why}");
    let why = access_log("%UPSTREAM_HOS%").expect_err("it is unknown");
    assert!(why.contains("there is `UPSTREAM_HOST`"), "{why}");
}

#[test]
fn operators_that_envoy_rewrites_are_refused() {
    let why = header_value("%PER_REQUEST_STATE(key)%").expect_err("it is the old word");
    assert!(why.contains("`FILTER_STATE(key:PLAIN)` says the same"), "{why}");
    // Envoy: `Invalid common duration precision: PLAIN`, and `: b`.
    for inner in ["%PER_REQUEST_STATE(%Y", "%UPSTREAM_METADATA([\"a\",\"b\"]"] {
        let value = format!("%COMMON_DURATION(a:1{inner})%");
        assert!(header_value(&value).is_err(), "{value}");
    }
    assert_eq!(header_value("%COMMON_DURATION(DS_RX_BEG:US_TX_BEG)%"), Ok(()));
}

#[test]
fn the_list_is_sorted() {
    assert!(PLAIN.is_sorted());
}

#[test]
fn formats_in_json_are_objects_whose_texts_are_formats() {
    let ok = |text: &str| assert!(access_log_json(text).is_ok(), "{text}");
    ok("{}");
    ok(r#"{"a": "%PROTOCOL%", "b": {"c": ["%REQ(:path)%", 1, 1.5, true, null, [], {}]}, "": ""}"#);
    // Keys are no formats.
    ok(r#"{"100%": "x", "%BOGUS%": "100%%"}"#);
    let refuse = |text: &str, why: &str| {
        let found = access_log_json(text).unwrap_err();
        assert!(found.contains(why), "{text}: {found}");
    };
    refuse("[%PROTOCOL%]", "not JSON");
    refuse("[]", "not a JSON object");
    refuse(r#""{}""#, "not a JSON object");
    refuse(r#"{"a": "%BOGUS%"}"#, "`a`: `BOGUS`");
    refuse(r#"{"a": {"b": ["x", "100%"]}}"#, "`a.b[1]`");
}

#[test]
fn formats_in_json_are_not_deeper_than_envoy_reads() {
    let nested = |levels: usize| format!("{}1{}", r#"{"a":"#.repeat(levels), "}".repeat(levels));
    assert!(access_log_json(&nested(MOST_LEVELS)).is_ok());
    assert!(access_log_json(&nested(MOST_LEVELS + 1)).unwrap_err().contains("too deep"));
    assert!(access_log_json(&nested(100_000)).is_err());
}

#[test]
fn what_random_formats_found() {
    for taken in [
        "%GRPC_STATUS()%",
        "%QUERY_PARAMS(ORIG):5%",
        "%UPSTREAM_FILTER_STATE(a:FIELD:b:c):5%",
        "%FILTER_STATE(a:FIELD:b::d)%",
        "%FILTER_STATE(a:::)%",
        "%FILTER_STATE(a:PLAIN:)%",
        "%PATH(NQ:ORIG:x)%",
        "%REQUESTED_SERVER_NAME(::)%",
        "%START_TIME(%EOn)%",
        "%START_TIME(%10n)%",
        "%START_TIME(%1-n)%",
    ] {
        assert_eq!(access_log(taken), Ok(()), "{taken}");
    }
    for refused in [
        "%GRPC_STATUS:5%",
        "%GRPC_STATUS():5%",
        "%GRPC_STATUS(NUMBER):5%",
        "%FILTER_STATE(a:FIELD)%",
        "%FILTER_STATE(a:FIELD::c)%",
        "%FILTER_STATE(a:TYPED:b)%",
        "%FILTER_STATE(::)%",
        "%METADATA(:)%",
        "%START_TIME(%En)%",
        "%START_TIME(%-12n)%",
        "%START_TIME(%%n)%",
    ] {
        assert!(access_log(refused).is_err(), "{refused}");
    }
}
