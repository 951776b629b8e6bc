//! Whether commits read as CONTRIBUTING.md asks.

use std::process::Command;

use fairlead_tidy::{files, findings::Findings};
use regex::Regex;

/// The last commit before the rule.
const BEFORE: &str = "0411d00f5a26";
/// The longest subject, in characters.
const LONGEST: usize = 72;
/// What a clause begins with that states something and asks for nothing.
const NOT_IMPERATIVE: [&str; 13] =
    ["a", "all", "an", "each", "every", "it", "no", "one", "some", "the", "two", "what", "where"];

/// What git prints; `None` where it fails.
fn git(arguments: &[&str]) -> Option<String> {
    let run = Command::new("git").args(arguments).current_dir(files::root()).output().ok()?;
    run.status.success().then(|| String::from_utf8_lossy(&run.stdout).into_owned())
}

/// The subjects of the commits since the rule, with their short hashes; none in a copy without that history.
fn subjects() -> Vec<(String, String)> {
    let log = git(&["log", "--no-merges", "--format=%h %s", &format!("{BEFORE}..HEAD")]).unwrap_or_default();
    let lines = log.lines().filter_map(|line| line.split_once(' '));
    lines.map(|(hash, subject)| (hash.to_owned(), subject.to_owned())).collect()
}

/// What is wrong with a subject.
fn fault(subject: &str) -> Option<String> {
    let form = Regex::new(r"^[a-z][a-z0-9-]*(?:, [a-z][a-z0-9-]*)*: (?P<verb>[A-Za-z`-]+)")
        .expect("a valid expression");
    if subject.chars().count() > LONGEST {
        return Some(format!("it is longer than {LONGEST} characters"));
    }
    if subject.ends_with('.') {
        return Some("it ends with a full stop".to_owned());
    }
    let Some(verb) = form.captures(subject).map(|found| found["verb"].to_lowercase()) else {
        return Some("it does not begin with a scope (`xds: …`)".to_owned());
    };
    let is_third_person = verb.ends_with('s') && !verb.ends_with("ss");
    let states = NOT_IMPERATIVE.contains(&verb.as_str()) || verb.ends_with("ing") || is_third_person;
    states.then(|| format!("`{verb}` is no imperative (`add`, `name`, `split`)"))
}

#[test]
fn subjects_have_a_scope_and_an_imperative() {
    let mut findings = Findings::new("reword the commit: `scope: do this`, as CONTRIBUTING.md says");
    for (hash, subject) in subjects() {
        if let Some(fault) = fault(&subject) {
            findings.add(hash, format!("`{subject}`: {fault}"));
        }
    }
    findings.conclude();
}

#[test]
fn faults_of_subjects_are_found() {
    for right in
        ["xds: name no type in the push", "config, model: judge form once", "docs: address the reader"]
    {
        assert_eq!(fault(right), None, "{right}");
    }
    for wrong in [
        "name no type",
        "xds: each file knows only the files below it",
        "xds: names no type",
        "xds: naming types",
        "xds: name no type.",
        "translate: name all of the types that are there, and of those that are not there some",
    ] {
        assert!(fault(wrong).is_some(), "{wrong}");
    }
}
