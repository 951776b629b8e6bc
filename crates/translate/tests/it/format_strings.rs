//! What is taken for a format string is one to a real Envoy, and the other way round.

use fairlead_config::format_string;
use fairlead_testkit::judge::{Case, judge};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, TestRunner},
};
use serde_json::{Value, json};

/// Pieces of which formats are made: operators of each sort, parameters of each sort, and what may go wrong.
const NAMES: &[&str] = &[
    "REQ",
    "RESP",
    "TRAILER",
    "START_TIME",
    "EMIT_TIME_LOCAL",
    "DOWNSTREAM_PEER_CERT_V_END",
    "DYNAMIC_METADATA",
    "UPSTREAM_METADATA",
    "ENVIRONMENT",
    "QUERY_PARAM",
    "RESPONSE_CODE_DETAILS",
    "GRPC_STATUS",
    "QUERY_PARAMS",
    "PATH",
    "REQUESTED_SERVER_NAME",
    "METADATA",
    "FILTER_STATE",
    "UPSTREAM_FILTER_STATE",
    "COMMON_DURATION",
    "CEL",
    "PROTOCOL",
    "DURATION",
    "UPSTREAM_HOST",
    "DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT",
    "BOGUS",
    "req",
    "1",
    "REQ_",
    "XFCC_VALUE",
    "PER_REQUEST_STATE",
    "",
];
const PARAMETERS: &[&str] = &[
    "",
    "()",
    "(a)",
    "(:path)",
    "(a?b)",
    "(a?:b)",
    "(a?b?c)",
    "(a b)",
    "(a:b)",
    "(a:b:c)",
    "(:)",
    "(::)",
    "(a)b)",
    "(a(b))",
    "(a\nb)",
    "(%Y)",
    "(%n)",
    "(%3n)",
    "(%EOn)",
    "(%%n)",
    "(%Yn)",
    "(a:PLAIN)",
    "(a:FIELD)",
    "(a:FIELD:b)",
    "(a:FIELD:b:c)",
    "(a:)",
    "(NUMBER)",
    "(SNAKE_STRING)",
    "(WQ:PATH)",
    "(NQ:)",
    "(:ORIG)",
    "(WQ:x)",
    "(ORIG)",
    "(SNI_FIRST)",
    "(HOST_FIRST:ORIG)",
    "(CLUSTER)",
    "(ROUTE:a:b)",
    "(VIRTUAL_HOST)",
    "(DS_RX_BEG:DS_TX_END:ms)",
    "(x:y:s)",
    "(request.path)",
    "(request.headers['x-y'])",
    "(in)",
    "(a.in)",
    "(a.1)",
    "(a",
    ")",
];
const ENDS: &[&str] =
    &["%", "%", "%", ":5%", ":0%", ":%", ":-1%", ":18446744073709551616%", "", "%%", ")%", " %"];
const TEXTS: &[&str] = &["", "", "a", "%%", "%", " ", "é", "%20", "(", ")", ":5%", "\t"];

fn formats() -> impl Strategy<Value = String> {
    let pick = |from: &'static [&'static str]| proptest::sample::select(from);
    let piece = (pick(TEXTS), pick(NAMES), pick(PARAMETERS), pick(ENDS))
        .prop_map(|(text, name, parameters, end)| format!("{text}%{name}{parameters}{end}"));
    proptest::collection::vec(piece, 1..3).prop_map(|pieces| pieces.concat())
}

/// A listener whose route sets a header to a value, or whose access log has a format.
fn listener(name: &str, format: &str, is_header: bool) -> Value {
    let file = "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog";
    let mut route = json!({"match": {"prefix": "/"}, "direct_response": {"status": 200}});
    let mut manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "x",
    });
    if is_header {
        route["request_headers_to_add"] = json!([{"header": {"key": "x", "value": format}}]);
    } else {
        let format = json!({"text_format_source": {"inline_string": format}});
        manager["access_log"] = json!([{"name": "f", "typed_config": {"@type": file, "path": "/dev/null", "log_format": format}}]);
    }
    manager["route_config"] =
        json!({"name": "r", "virtual_hosts": [{"name": "v", "domains": ["*"], "routes": [route]}]});
    json!({"name": name, "filter_chains": [{"filters": [{"name": "h", "typed_config": manager}]}]})
}

/// Refused here although Envoy takes it; the reasons are those of the module.
fn is_refused_on_purpose(format: &str, is_header: bool) -> bool {
    let mut words = vec!["CEL(", "XFCC_VALUE", "COMMON_DURATION("];
    if is_header {
        words.extend(["ENVIRONMENT", "PER_REQUEST_STATE("]);
    }
    words.iter().any(|word| format.contains(word))
}

#[test]
fn format_strings_are_taken_if_envoy_takes_them() {
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
    let mut sample = || formats().new_tree(&mut runner).expect("a format").current();
    let formats: Vec<String> = (0..1200).map(|_| sample()).collect();
    let listeners = formats.iter().enumerate();
    let listeners = listeners.map(|(at, format)| listener(&at.to_string(), format, at % 2 == 0)).collect();
    let verdict = judge(&Case { listeners, ..Case::default() }).expect("Envoy reads them");

    let (mut wrong, mut taken) = (Vec::new(), 0);
    for (at, format) in formats.iter().enumerate() {
        let is_header = at % 2 == 0;
        let ours =
            if is_header { format_string::header_value(format) } else { format_string::access_log(format) };
        taken += usize::from(ours.is_ok());
        match (ours, verdict.listeners.get(&at.to_string())) {
            (Ok(()), None) | (Err(_), Some(_)) => {}
            (Err(_), None) if is_refused_on_purpose(format, is_header) => {}
            (ours, theirs) => {
                wrong.push(format!("{format:?} (header: {is_header}): {ours:?}, Envoy: {theirs:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), formats.len(), wrong.join("\n"));
    assert!(taken > 100, "only {taken} were taken");
}
