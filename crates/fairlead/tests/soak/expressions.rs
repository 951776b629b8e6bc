//! Whether expressions are judged as Envoy judges them: hand-written ones, and random ones, 30,000 in `make soak`.
//! `FAIRLEAD_SOAK_SEED` draws others.
//!
//! Thousands are asked about at once. Each is in a listener of its own, in a file, and Envoy's limit for programs is
//! zero: it refuses every listener, and says of each why, or how large the program is.

use std::time::Duration;

use envoy_types::pb::envoy::r#type::matcher::v3::RegexMatcher;
use fairlead_config::re2::{self, Fault};
use fairlead_envoy::{json::dump_message, matcher::Regex};
use fairlead_lab::{
    deadline::eventually,
    envoy_process::{EnvoyOptions, EnvoyProcess},
};
use serde_json::{Value, json};

use crate::crowds::is_full;

mod made;

/// How many listeners are in one file.
const BATCH: usize = 2_000;
const WITHIN: Duration = Duration::from_secs(60);

#[tokio::test]
async fn expressions_are_judged_as_envoy_judges_them() {
    let mut expressions = made::by_hand();
    let random = if is_full() { 30_000 } else { 600 };
    expressions.extend(made::at_random(random, seed()));
    let (mut taken, mut faults) = (0, Vec::new());
    for batch in expressions.chunks(BATCH) {
        let listeners = batch.iter().map(|expression| listener(&filter_with(expression))).collect();
        for (expression, answer) in batch.iter().zip(answers(listeners, 0).await) {
            taken += usize::from(program_size(&answer).is_some());
            faults.extend(difference(expression, &answer));
        }
    }
    assert!(faults.is_empty(), "{} of {}:\n{}", faults.len(), expressions.len(), faults.join("\n"));
    let refused = expressions.len() - taken;
    assert!(taken > random / 3 && refused > random / 5, "too much alike: {taken} taken, {refused} refused");
}

/// What decides the random expressions: `FAIRLEAD_SOAK_SEED`, or 1.
fn seed() -> u64 {
    std::env::var_os("FAIRLEAD_SOAK_SEED").map_or(1, |text| {
        text.to_str().and_then(|text| text.parse().ok()).expect("FAIRLEAD_SOAK_SEED is a number")
    })
}

/// What is not judged alike.
fn difference(expression: &str, answer: &str) -> Option<String> {
    let found = match (re2::parse(expression), program_size(answer)) {
        (Ok(known), Some(size)) if size > known.program => {
            format!("Envoy counts {size} instructions, and not {} at most", known.program)
        }
        (Ok(_), None) => format!("Envoy refuses it: {answer}"),
        (Err(Fault::TooLarge), Some(size)) if size > re2::MOST_PROGRAM / 2 => return None,
        (Err(why), Some(size)) => format!("Envoy takes it, with {size} instructions; here: {why}"),
        (Ok(_), Some(_)) | (Err(_), None) => return None,
    };
    Some(format!("{expression:?}: {found}"))
}

/// By itself an Envoy takes a hundred instructions; the expression is how others are told.
#[tokio::test]
async fn an_envoy_with_a_bootstrap_of_its_own_takes_a_large_expression_that_says_so() {
    let expression = "/static/[a-zA-Z0-9._-]{0,60}";
    let compared = |most_program| {
        let regex = Regex { expression: expression.to_owned(), most_program };
        listener(&route_with(&dump_message(&RegexMatcher::from(regex)).unwrap()))
    };
    let answers =
        answers(vec![compared(None), compared(Some(re2::MOST_PROGRAM))], re2::DEFAULT_PROGRAM).await;
    assert!(answers[0].contains("program size of 312 > max program size of 100"), "{}", answers[0]);
    assert_eq!(answers[1], "");
}

/// The number of instructions that an answer of Envoy's speaks of.
fn program_size(answer: &str) -> Option<u32> {
    let (_, after) = answer.rsplit_once("RE2 program size of ")?;
    after.split(' ').next()?.parse().ok()
}

/// Why Envoy refuses each of the listeners; empty where it does not.
async fn answers(listeners: Vec<Value>, largest_program: u32) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("listeners.json");
    let count = listeners.len();
    let resources: Vec<_> = listeners
        .into_iter()
        .enumerate()
        .map(|(index, mut listener)| {
            listener["name"] = index.to_string().into();
            listener["address"]["socket_address"]["port_value"] = (index + 1).into();
            listener
        })
        .collect();
    std::fs::write(&file, json!({ "version_info": "1", "resources": resources }).to_string()).unwrap();
    let bootstrap = json!({
        "node": { "id": "expressions", "cluster": "expressions" },
        "layered_runtime": { "layers": [
            { "name": "limits", "static_layer": { "re2.max_program_size.error_level": largest_program } },
        ] },
        "dynamic_resources": { "lds_config": { "path_config_source": { "path": file } } },
    });
    let options = EnvoyOptions { log_level: "off".to_owned(), ..EnvoyOptions::default() };
    let envoy = EnvoyProcess::launch(&bootstrap.to_string(), &options).unwrap();
    eventually("an answer for each listener", WITHIN, || async {
        let dump =
            envoy.admin().config_dump("resource=dynamic_listeners").await.map_err(|e| e.to_string())?;
        let mut answers = vec![None; count];
        for listener in dump["configs"].as_array().into_iter().flatten() {
            let Some(index) = listener["name"].as_str().and_then(|name| name.parse::<usize>().ok()) else {
                continue;
            };
            answers[index] = Some(listener["error_state"]["details"].as_str().unwrap_or_default().to_owned());
        }
        let known = answers.iter().flatten().count();
        answers.into_iter().collect::<Option<Vec<_>>>().ok_or(format!("{known} of {count}"))
    })
    .await
    .unwrap()
}

/// A listener that opens no socket.
fn listener(filters: &Value) -> Value {
    json!({
        "@type": "type.googleapis.com/envoy.config.listener.v3.Listener",
        "address": { "socket_address": { "address": "127.0.0.1" } },
        "bind_to_port": false,
        "filter_chains": [{ "filters": filters }],
    })
}

/// A small filter that compares a text with an expression.
fn filter_with(expression: &str) -> Value {
    let rule = json!({
        "principals": [{ "any": true }],
        "permissions": [{ "requested_server_name": { "safe_regex": { "regex": expression } } }],
    });
    json!([
        { "name": "rbac", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.network.rbac.v3.RBAC",
            "stat_prefix": "rbac",
            "rules": { "policies": { "rule": rule } },
        } },
        { "name": "tcp", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
            "stat_prefix": "tcp",
            "cluster": "none",
        } },
    ])
}

/// A route whose path is compared with an expression.
fn route_with(expression: &Value) -> Value {
    let route = json!({ "match": { "safe_regex": expression }, "direct_response": { "status": 200 } });
    json!([{ "name": "http", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "http",
        "route_config": { "virtual_hosts": [{ "name": "any", "domains": ["*"], "routes": [route] }] },
        "http_filters": [{ "name": "router", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
        } }],
    } }])
}
