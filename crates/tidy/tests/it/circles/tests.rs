use super::Modules;

fn circle(files: &[(&str, &str)]) -> Option<String> {
    let mut modules = Modules::default();
    modules.add("", "");
    for (path, text) in files {
        modules.add(path, text);
    }
    modules.circle().map(|modules| modules.join(" > "))
}

#[test]
fn files_that_need_each_other_are_a_circle() {
    let found = circle(&[
        ("a", "use crate::b::B;"),
        ("b", "fn f() { super::c::d::g(); }"),
        ("c", ""),
        ("c/d", "fn g() -> crate::a::A {}"),
    ]);
    assert_eq!(found.as_deref(), Some("a > b > c::d > a"));
    assert_eq!(
        circle(&[("a", "use crate::{b::B, c};"), ("b", "use crate::c::C;"), ("c", "struct C;")]),
        None
    );
}

#[test]
fn who_names_what_is_handed_on_needs_who_defines_it() {
    let root = ("", "mod a;\nmod b;\npub use a::{A, f};\npub use b::*;");
    let a = ("a", "use crate::B;\npub struct A;");
    assert_eq!(circle(&[root, a, ("b", "pub struct B;")]), None);
    assert_eq!(circle(&[root, a, ("b", "pub struct B(crate::A);")]).as_deref(), Some("a > b > a"));
    let under_another_name = ("", "mod a;\npub use a::{A as Alpha};\npub struct Root { A: u8 }");
    assert_eq!(
        circle(&[under_another_name, ("a", "use crate::Root;\npub struct A;"), ("b", "use crate::Alpha;")]),
        None
    );
    let uses_what_it_hands_on = ("", "mod a;\npub use a::A;\npub struct Root(A);");
    assert_eq!(circle(&[uses_what_it_hands_on, ("a", "use crate::Root;")]).as_deref(), Some(" > a > "));
}

#[test]
fn a_parent_and_a_child_are_files_as_others() {
    let child = ("a/b", "use super::Word;\nfn f(word: Word) {}");
    assert_eq!(circle(&[("a", "mod b;\npub use b::f;\nstruct Word;"), child]), None);
    assert_eq!(circle(&[("a", "mod b;\nuse b::f;\nstruct Word;"), child]).as_deref(), Some("a > a::b > a"));
}

#[test]
fn tests_comments_and_texts_need_nothing() {
    let a = "// crate::b::B\n/// [`crate::b`]\nconst B: &str = \"crate::b\";\n#[cfg(test)]\nmod tests {\n    use crate::b::B;\n}";
    assert_eq!(circle(&[("a", a), ("b", "use crate::a::A;")]), None);
}
