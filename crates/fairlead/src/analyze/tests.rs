use fairlead_config::{Code, ConfigKey, Diagnostic, Kind, Location, Severity, Subject, path};

use super::{Threshold, annotation, text};

fn finding() -> Diagnostic {
    let on = Subject::Object(ConfigKey::new(Kind::VirtualService, "bookinfo", "reviews"));
    let message = "no subset `v3`\nof 100%";
    let mut finding = Diagnostic::new(Severity::Warning, on, Code::UnknownSubset, path!("http"[0]), message);
    finding.position = Some(Location { file: "a,b:c.yaml".into(), line: 12, column: 5 });
    finding.help("define it");
    finding
}

#[test]
fn an_annotation_escapes_what_has_a_meaning_to_github() {
    assert_eq!(
        annotation(&finding()),
        "::warning file=a%2Cb%3Ac.yaml,line=12,col=5,title=FL0302 unknown-subset::VirtualService bookinfo/reviews \
         spec.http[0]: no subset `v3`%0Aof 100%25; define it\n"
    );
}

#[test]
fn colour_is_around_the_severity_only() {
    let plain = text(&[finding()], 3, false);
    assert!(plain.starts_with("warning[FL0302 unknown-subset] VirtualService bookinfo/reviews"), "{plain}");
    assert!(plain.ends_with("0 errors, 1 warning, 0 notes about 3 objects\n"), "{plain}");
    assert!(text(&[finding()], 3, true).starts_with("\u{1b}[33mwarning\u{1b}[0m[FL0302"));
    assert_eq!(text(&[], 3, true), "nothing to report about 3 objects\n");
    assert_eq!(text(&[], 1, true), "nothing to report about 1 object\n");
}

#[test]
fn a_threshold_includes_what_is_worse() {
    let included = |threshold: Threshold| {
        [Severity::Error, Severity::Warning, Severity::Info].map(|severity| threshold.includes(severity))
    };
    assert_eq!(included(Threshold::Error), [true, false, false]);
    assert_eq!(included(Threshold::Warning), [true, true, false]);
    assert_eq!(included(Threshold::Info), [true, true, true]);
}

#[test]
fn a_key_that_ends_its_line_makes_no_second_finding() {
    let mut finding = finding();
    finding.message = "there is no field `a\nerror[FL0001 x] all is lost\u{1b}[2J`".to_owned();
    let shown = text(&[finding], 1, false);
    assert_eq!(shown.lines().count(), 2, "{shown}");
    assert!(shown.contains(r"`a\nerror[FL0001 x] all is lost\u{1b}[2J`"), "{shown}");
}

#[test]
fn services_that_nothing_serves_come_first() {
    let unserved = |severity, name: &str| {
        let on = Subject::Object(ConfigKey::new(Kind::Service, "bookinfo", name));
        Diagnostic::new(severity, on, Code::NoEndpoints, path!("selector"), "nothing serves it")
    };
    let first =
        |findings: &[Diagnostic]| text(findings, 3, false).lines().next().unwrap_or_default().to_owned();
    let one = unserved(Severity::Warning, "ratings");
    assert_eq!(
        first(&[finding(), one.clone()]),
        "Service bookinfo/ratings has no endpoints: requests for it get a 503 response"
    );
    assert_eq!(
        first(&[finding(), one, unserved(Severity::Warning, "reviews")]),
        "Service bookinfo/ratings and 1 more object have no endpoints: requests for them get a 503 response"
    );
    assert_eq!(first(&[finding(), unserved(Severity::Info, "ratings")]), "nothing serves it");
}
