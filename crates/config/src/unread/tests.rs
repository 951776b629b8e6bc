use std::sync::Arc;

use super::*;

fn at(file: &str, line: u32, name: &str) -> Place {
    let file: Arc<str> = file.into();
    let position = Some(Location { file: file.clone(), line, column: 1 });
    Place { name: name.to_owned(), on: Subject::File(file), position }
}

fn policy() -> Sort {
    Sort::Kind { kind: "AuthorizationPolicy".into(), version: "security.istio.io/v1".into(), restricts: true }
}

#[test]
fn objects_are_counted_and_files_are_counted_once() {
    let mut all = Unread::default();
    for file in ["a", "b"] {
        let mut of_file = Unread::default();
        for line in 1..=3 {
            of_file.add(policy(), at(file, line, &format!("shop/p{line}")));
            of_file.add(Sort::Document(Foreign::Yaml), at(file, line, ""));
        }
        all.merge(of_file);
    }
    let found: Vec<_> = all.findings().iter().map(ToString::to_string).collect();
    assert!(
        found[0].contains("6 objects have no effect: shop/p1 (a:1), shop/p2 (a:2), shop/p3 (a:3), …"),
        "{found:?}"
    );
    assert!(found[1].contains("are not read (2 files: a, b)"), "{found:?}");
    assert_eq!(found.len(), 2);
}

#[test]
fn one_object_is_named_without_a_count() {
    let mut one = Unread::default();
    one.add(policy(), at("a", 7, "shop/deny-all"));
    let found = one.findings()[0].to_string();
    assert!(found.starts_with("warning[FL0116 not-enforced] a (a:7:1): "), "{found}");
    assert!(found.contains("1 object has no effect: shop/deny-all (a:7); "), "{found}");
}
