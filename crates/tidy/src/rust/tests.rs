use super::*;

fn paths(text: &str) -> Vec<String> {
    Source::parse(text).paths().into_iter().map(|(_, path)| path).collect()
}

#[test]
fn comments_are_not_code() {
    let source = Source::parse("a // std::fs\n/* b /* std::env */ c */ d");
    assert_eq!(source.code.split_whitespace().collect::<Vec<_>>(), ["a", "d"]);
}

#[test]
fn contents_of_strings_are_not_code_but_are_listed() {
    let source = Source::parse("let a = \"std::fs \\\" x\";\nlet b = r#\"y \" z\"#; let c = b\"w\";");
    assert!(!source.code.contains("fs") && !source.code.contains('z'), "{}", source.code);
    assert_eq!(
        source.strings,
        [(1, "std::fs \\\" x".to_owned()), (2, "y \" z".to_owned()), (2, "w".to_owned())]
    );
}

#[test]
fn a_quote_character_does_not_begin_a_string() {
    let source = Source::parse("let q = '\"'; let e = '\\''; fn f<'a>(x: &'a str) {} HashMap");
    assert!(source.strings.is_empty());
    assert!(source.code.contains("fn f<'a>(x: &'a str) {} HashMap"), "{}", source.code);
}

#[test]
fn lines_stay_where_they_are() {
    let source = Source::parse("/* a\nb */\nlet x = \"c\nd\";\nstd::fs::read();");
    assert!(source.paths().contains(&(5, "std::fs::read".to_owned())), "{:?}", source.paths());
}

#[test]
fn a_grouped_use_is_expanded() {
    assert_eq!(
        paths("use std::{env, fs::{self, File}, time::Instant as Now};"),
        ["std::env", "std::fs", "std::fs::File", "std::time::Instant"]
    );
}

#[test]
fn nested_groups_at_the_end_are_expanded() {
    assert_eq!(paths("pub use a::{b::{c, d::{e, f}}};"), ["pub", "a::b::c", "a::b::d::e", "a::b::d::f"]);
}

#[test]
fn a_path_in_an_expression_is_found_with_its_line() {
    let source = Source::parse("fn f() {\n    std::env::var(\"HOME\");\n}");
    assert!(source.paths().contains(&(2, "std::env::var".to_owned())), "{:?}", source.paths());
}

#[test]
fn a_word_that_ends_in_use_is_no_declaration() {
    assert_eq!(paths("fn f() { let reuse = 1; reuse }"), ["fn", "f", "let", "reuse", "1", "reuse"]);
}

#[test]
fn modules_for_tests_are_those_declared_so() {
    let source = Source::parse(
        "mod a;\n#[cfg(test)]\nmod b;\n#[cfg(test)]\npub(crate) mod c;\n#[cfg(test)]\nfn d() { mod e; }\nmod f;",
    );
    assert_eq!(source.test_modules(), ["b", "c"]);
}
