//! Whether the pages are complete and lead somewhere.

use std::collections::{BTreeMap, BTreeSet};

use fairlead_tidy::{files, findings::Findings, markdown, rust::Source, workspace};
use regex::Regex;

const DIAGNOSTICS: &str = "docs/reference/diagnostics.md";
const METRICS: &str = "docs/reference/metrics.md";
const DEPENDENCIES: &str = "docs/reference/dependencies.md";

#[test]
fn every_relative_link_resolves() {
    let mut findings = Findings::new("correct the path or the anchor, or write the page");
    let root = files::root();
    for page in files::pages() {
        let folder = page.absolute.parent().expect("a file is in a folder").to_owned();
        for link in markdown::local_links(&page.text()) {
            let place = format!("{}:{}", page.path, link.line);
            let target =
                if link.target.is_empty() { page.absolute.clone() } else { folder.join(&link.target) };
            let Ok(target) = target.canonicalize() else {
                findings.add(place, format!("`{}` does not exist", link.target));
                continue;
            };
            if !target.starts_with(&root) {
                findings.add(&place, format!("`{}` leads out of the repository", link.target));
            }
            if let Some(anchor) =
                link.anchor.filter(|_| target.extension().is_some_and(|found| found == "md"))
            {
                let text = std::fs::read_to_string(&target).expect("a page is UTF-8");
                if !markdown::anchors(&text).contains(&anchor) {
                    findings.add(place, format!("`{}#{anchor}`: no such heading", link.target));
                }
            }
        }
    }
    findings.conclude();
}

/// Pages that tell what was, and so may name what is gone.
const HISTORY: [&str; 3] = ["CHANGELOG.md", "docs/changelog.d/", "docs/decisions/"];

#[test]
fn every_path_that_a_page_names_exists() {
    let crates: Vec<String> = workspace::crates().keys().map(|name| regex::escape(name)).collect();
    let path = Regex::new(&format!(
        "^(?:(?:crates|docs|tests|fuzz)/|(?P<crate>{})/(?:src|tests|benches)/)[A-Za-z0-9_./-]*$",
        crates.join("|")
    ))
    .expect("a valid expression");
    let mut findings = Findings::new("name files and folders as they are called today");
    for page in files::pages() {
        if HISTORY.iter().any(|history| page.path.starts_with(history)) {
            continue;
        }
        for (number, line) in page.text().lines().enumerate() {
            for word in markdown::code_words(line) {
                let Some(found) = path.captures(word) else { continue };
                let folder = if found.name("crate").is_some() { "crates/" } else { "" };
                if !files::root().join([folder, word].concat()).exists() {
                    findings.add(format!("{}:{}", page.path, number + 1), format!("`{word}` does not exist"));
                }
            }
        }
    }
    findings.conclude();
}

/// The diagnostic codes that crate `config` defines, with the file of each.
fn defined_codes() -> BTreeMap<String, String> {
    let code = Regex::new(r"^FL\d{4}$").expect("a valid expression");
    let mut defined = BTreeMap::new();
    let sources = files::rust_sources();
    for file in sources.iter().filter(|file| file.crate_name() == Some("config") && !file.is_test) {
        for (_, text) in Source::parse(&file.text()).strings {
            if let Some(word) = text.split_whitespace().next().filter(|word| code.is_match(word)) {
                defined.insert(word.to_owned(), file.path.clone());
            }
        }
    }
    defined
}

#[test]
fn every_diagnostic_code_is_documented() {
    let code = Regex::new(r"FL\d{4}").expect("a valid expression");
    let page = files::text_at(DIAGNOSTICS).unwrap_or_default();
    let headings = markdown::headings(&page);
    let documented: BTreeSet<&str> =
        headings.iter().filter_map(|(_, heading)| Some(code.find(heading)?.as_str())).collect();
    let defined = defined_codes();
    assert!(!defined.is_empty(), "crate `config` defines no diagnostic code as a string literal `FLnnnn`");
    let mut findings = Findings::new(
        "give each code of crates/config a heading in docs/reference/diagnostics.md, and no other",
    );
    for (code, file) in defined.iter().filter(|(code, _)| !documented.contains(code.as_str())) {
        findings.add(file, format!("{code} has no heading in {DIAGNOSTICS}"));
    }
    for code in documented.iter().filter(|code| !defined.contains_key(**code)) {
        findings.add(DIAGNOSTICS, format!("{code} is documented, but crate `config` does not define it"));
    }
    findings.conclude();
}

/// The names of metrics that the sources define, with the file of each.
fn defined_metrics() -> BTreeMap<String, String> {
    let name = Regex::new(r"^(pilot|fairlead|istio|istiod|galley|citadel|xds|process)_[a-z0-9_]+$")
        .expect("a valid expression");
    let mut defined = BTreeMap::new();
    let sources = files::rust_sources();
    let metrics = sources
        .iter()
        .filter(|file| file.path.starts_with("crates/control-plane/src/metrics") && !file.is_test);
    for file in metrics {
        for (_, text) in Source::parse(&file.text()).strings.iter().filter(|(_, text)| name.is_match(text)) {
            defined.insert(text.clone(), file.path.clone());
        }
    }
    defined
}

#[test]
fn every_metric_is_documented() {
    let page = files::text_at(METRICS).expect("the page of metrics exists");
    let cells = markdown::first_cells(&page);
    let documented: BTreeSet<&str> = cells.iter().flat_map(|(_, cell)| markdown::code_words(cell)).collect();
    let defined = defined_metrics();
    // A counter is registered without the suffix that is exposed.
    let exposed =
        |name: &str| documented.contains(name) || documented.contains(format!("{name}_total").as_str());
    let known = |name: &str| {
        defined.contains_key(name)
            || name.strip_suffix("_total").is_some_and(|name| defined.contains_key(name))
    };
    let mut findings = Findings::new(
        "keep docs/reference/metrics.md equal to the metrics in crates/control-plane/src/metrics; those that are \
         planned are a list there, no table",
    );
    for (name, file) in defined.iter().filter(|(name, _)| !exposed(name)) {
        findings.add(file, format!("`{name}` has no row in {METRICS}"));
    }
    for name in documented.iter().filter(|name| !known(name)) {
        findings.add(METRICS, format!("`{name}` is documented, but not defined"));
    }
    findings.conclude();
}

#[test]
fn every_direct_dependency_is_accounted_for() {
    let page = files::text_at(DEPENDENCIES).expect("the page of dependencies exists");
    let cells = markdown::first_cells(&page);
    let documented: BTreeSet<String> =
        cells.iter().flat_map(|(_, cell)| markdown::code_words(cell)).map(str::to_owned).collect();
    let crates = workspace::crates();
    let used: BTreeSet<String> =
        crates.values().flat_map(|found| found.outside.union(&found.outside_tests)).cloned().collect();
    let mut findings = Findings::new(
        "keep docs/reference/dependencies.md equal to the direct dependencies of the crates (why, alternatives, who \
         maintains it), and `[workspace.dependencies]` free of what no crate uses",
    );
    for name in used.difference(&documented) {
        findings.add(DEPENDENCIES, format!("`{name}` has no row"));
    }
    for name in documented.difference(&used) {
        findings.add(DEPENDENCIES, format!("`{name}` has a row, but no crate uses it"));
    }
    for name in workspace::shared_dependencies().difference(&used) {
        findings.add("Cargo.toml", format!("`{name}` is in [workspace.dependencies], but no crate uses it"));
    }
    findings.conclude();
}

#[test]
fn every_decision_is_in_the_index() {
    let index = files::text_at("docs/decisions/README.md").expect("the index of decisions exists");
    let mut findings = Findings::new("add the decision to docs/decisions/README.md");
    for page in files::pages() {
        let Some(name) = page.path.strip_prefix("docs/decisions/") else { continue };
        if name != "README.md" && !index.contains(&format!("({name})")) {
            findings.add(&page.path, "is not in the index");
        }
    }
    findings.conclude();
}

#[test]
fn pages_say_nothing_of_the_machine_they_were_written_on() {
    let private = Regex::new(r"(?:^|[^A-Za-z0-9_./-])/(?:home|root|work|farm)/").expect("a valid expression");
    let mut findings = Findings::new("write paths from the root of the repository");
    for page in files::pages() {
        for (index, line) in page.text().lines().enumerate().filter(|(_, line)| private.is_match(line)) {
            findings.add(format!("{}:{}", page.path, index + 1), line);
        }
    }
    findings.conclude();
}
