use std::time::Instant;

use fairlead_config::{Code, ConfigKey, Diagnostic, FieldPath, Kind, Location, Severity, Subject};

use super::{LOGGED, WINDOW, Window, difference};

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

#[test]
fn a_flood_of_findings_is_logged_in_part() {
    let (mut window, now) = (Window::default(), Instant::now());
    assert_eq!(window.admit(10, now), 10);
    assert_eq!(window.admit(250_000, now), LOGGED - 10);
    assert_eq!(window.admit(1, now), 0);
    assert_eq!(window.admit(1, now + WINDOW), 1);
}
