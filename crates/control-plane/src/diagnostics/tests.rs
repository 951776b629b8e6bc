use std::time::Instant;

use fairlead_config::{Code, ConfigKey, Diagnostic, FieldPath, Kind, Location, Severity, Subject};

use super::{LOGGED, MOST, MOST_OF_A_FILE, WINDOW, Window, difference, listed};

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
    let (mut window, now) = (Window::<LOGGED>::default(), Instant::now());
    assert_eq!(window.admit(10, now), (10, 0));
    assert_eq!(window.admit(250_000, now), (LOGGED - 10, 0));
    assert_eq!(window.admit(1, now), (0, 0));
    assert_eq!(window.admit(1, now + WINDOW), (1, 250_011 - LOGGED));
}

fn in_file(file: &str, line: u32, severity: Severity) -> Diagnostic {
    let mut finding = finding("a", line);
    finding.severity = severity;
    finding.position = Some(Location { file: file.into(), line, column: 1 });
    finding
}

#[test]
fn what_one_file_gets_wrong_does_not_hide_what_others_do() {
    let lines = u32::try_from(MOST).unwrap();
    let mut all: Vec<_> = (0..lines).map(|line| in_file("many.yaml", line, Severity::Warning)).collect();
    assert_eq!(listed(all[1..].to_vec()).len(), MOST - 1, "so many are listed");
    all.push(in_file("many.yaml", lines, Severity::Error));
    all.push(in_file("other.yaml", 1, Severity::Info));
    let listed = listed(all);
    assert_eq!(listed.len(), MOST_OF_A_FILE + 2);
    let has = |file: &str, severity| {
        let of_file = |found: &&Diagnostic| found.position.as_ref().is_some_and(|at| &*at.file == file);
        listed.iter().filter(of_file).any(|found| found.severity == severity)
    };
    assert!(has("many.yaml", Severity::Error) && has("other.yaml", Severity::Info));
    let rest = listed.iter().find(|found| found.code == Code::FindingsLeftOut).unwrap();
    assert!(rest.to_string().contains("many.yaml: 9001 further"), "{rest}");
}

#[test]
fn ten_thousand_findings_are_listed_in_all() {
    let file = |at: u32| (0..1000).map(move |line| in_file(&format!("{at}.yaml"), line, Severity::Error));
    let listed = listed((0..50).flat_map(file).collect());
    assert_eq!(listed.len(), MOST);
    assert!(listed.iter().any(|found| found.message.starts_with("40001 further")));
}
