use fairlead_config::{Code, ConfigKey, Diagnostic, FieldPath, Kind, Location, Severity, Subject};

use super::difference;

fn finding(name: &str, line: u32) -> Diagnostic {
    let on = Subject::Object(ConfigKey::new(Kind::Gateway, "shop", name));
    let mut diagnostic =
        Diagnostic::new(Severity::Warning, on, Code::UnknownHost, FieldPath::spec(), "message");
    diagnostic.position = Some(Location { file: "a.yaml".into(), line, column: 1 });
    diagnostic
}

#[test]
fn what_is_new_appears_and_what_is_corrected_goes() {
    let (before, after) = ([finding("a", 1), finding("b", 2)], [finding("b", 2), finding("c", 3)]);
    let (appeared, gone) = difference(&before, &after);
    assert_eq!(appeared, [&after[1]]);
    assert_eq!(gone, [&before[0]]);
}

#[test]
fn a_finding_that_moves_to_another_line_is_not_new() {
    let (before, after) = ([finding("a", 1)], [finding("a", 9)]);
    assert_eq!(difference(&before, &after), (vec![], vec![]));
}
