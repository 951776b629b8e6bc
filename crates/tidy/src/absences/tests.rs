use super::*;

fn found(crate_name: &str, text: &str) -> Vec<&'static str> {
    uses_in(crate_name, text).into_iter().map(|entry| entry.path).collect()
}

#[test]
fn a_grouped_import_is_found() {
    assert_eq!(found("model", "use std::{collections::HashMap, env, fmt};"), ["HashMap", "std::env"]);
}

#[test]
fn a_qualified_call_is_found() {
    assert_eq!(found("translate", "let now = std::time::Instant::now();"), ["Instant"]);
    assert_eq!(found("source-file", "tokio::spawn(async {});"), ["tokio::spawn"]);
}

#[test]
fn what_another_crate_may_do_is_not_found() {
    assert!(found("xds", "use tokio::spawn; use std::time::Instant;").is_empty());
    assert!(found("testkit", "std::process::exit(1)").is_empty());
}

#[test]
fn words_that_only_look_alike_are_not_found() {
    assert!(
        found("model", "use std::environment; let tokio = 1; let rand = FxHashMap::new(tokio, rand);")
            .is_empty()
    );
}

#[test]
fn comments_and_strings_are_not_found() {
    assert!(found("model", "// std::fs\n/// `HashMap`\nconst A: &str = \"std::env::var\";").is_empty());
}
