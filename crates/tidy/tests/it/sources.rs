//! How the sources look: lengths, names, headers, and literals that belong in one place.

use fairlead_tidy::{
    exceptions::{Allowed, Rule},
    files,
    findings::{self, Findings},
    rust::Source,
    workspace,
};

/// Lines after which a file is worth splitting.
const SOFT_LIMIT: usize = 450;
/// Lines that no file exceeds.
const HARD_LIMIT: usize = 800;
/// The most that the architecture page may have.
const ARCHITECTURE_LIMIT: usize = 400;

#[test]
fn no_source_file_is_too_long() {
    let mut findings = Findings::new(
        "split it by concern (docs/architecture.md says where a kind lives); generated files go to the exceptions \
         in crates/tidy/src/exceptions.rs with a reason",
    );
    let mut allowed = Allowed::to(Rule::FileLength);
    let sources = files::all().into_iter().filter(|file| {
        ["rs", "py", "sh"].iter().any(|extension| file.has_extension(extension)) || file.path == "Makefile"
    });
    for file in sources {
        let lines = file.text().lines().count();
        if lines > HARD_LIMIT && !allowed.covers(&file.path, "") {
            findings.add(&file.path, format!("has {lines} lines, the limit is {HARD_LIMIT}"));
        } else if lines > SOFT_LIMIT {
            findings::warn(&format!(
                "{} has {lines} lines; consider splitting it above {SOFT_LIMIT}",
                file.path
            ));
        }
    }
    for row in allowed.unused() {
        findings.add(row.path, "no longer needs its exception for its length");
    }
    findings.conclude();
}

#[test]
fn the_architecture_page_stays_short() {
    let page = files::text_at("docs/architecture.md").expect("the architecture page exists");
    let lines = page.lines().count();
    assert!(
        lines <= ARCHITECTURE_LIMIT,
        "docs/architecture.md has {lines} lines: move detail to docs/concepts/"
    );
}

#[test]
fn no_module_has_a_name_that_says_nothing() {
    const BANNED: &[&str] = &["util", "utils", "helpers", "helper", "common", "misc"];
    let mut findings = Findings::new("name the module after the one thing it is about");
    let mut allowed = Allowed::to(Rule::ModuleName);
    for file in files::rust_sources() {
        let stem = file.path.trim_end_matches(".rs");
        let named = stem.split('/').find(|part| BANNED.contains(part));
        if let Some(name) = named.filter(|name| !allowed.covers(&file.path, name)) {
            findings.add(&file.path, format!("module name `{name}`"));
        }
    }
    findings.conclude();
}

#[test]
fn every_crate_begins_with_its_documentation() {
    let mut findings = Findings::new("begin the file with `//!`: one sentence that says what the crate is");
    for name in workspace::crates().keys() {
        let roots = ["lib.rs", "main.rs"].map(|file| format!("crates/{name}/src/{file}"));
        let texts: Vec<_> = roots.iter().filter_map(|path| Some((path, files::text_at(path)?))).collect();
        if texts.is_empty() {
            findings.add(name, "has neither src/lib.rs nor src/main.rs");
        }
        for (path, text) in texts {
            if !text.starts_with("//! ") {
                findings.add(path, "does not begin with its documentation");
            }
        }
    }
    findings.conclude();
}

#[test]
fn type_urls_are_written_in_one_module() {
    let mut findings =
        Findings::new("use `fairlead_resource::TypeUrl`, or `prost::Name` for a nested message");
    let mut allowed = Allowed::to(Rule::TypeUrl);
    for file in files::rust_sources() {
        let written = Source::parse(&file.text()).strings;
        for (line, _) in written.iter().filter(|(_, text)| text.contains("type.googleapis.com/")) {
            if !allowed.covers(&file.path, "") && !file.is_test {
                findings.add(format!("{}:{line}", file.path), "writes a type URL");
            }
        }
    }
    for row in allowed.unused() {
        findings.add(row.path, "no longer needs its exception for type URLs");
    }
    findings.conclude();
}

#[test]
fn names_of_tests_are_claims() {
    let mut findings = Findings::new("name the test after what it claims, without the prefix");
    for file in files::rust_sources() {
        let mut is_test = false;
        for (index, line) in Source::parse(&file.text()).code.lines().enumerate() {
            let line = line.trim();
            if line.starts_with("#[") {
                is_test |= line.contains("test]") || line.contains("::test(");
                continue;
            }
            let declared = line.trim_start_matches("async ");
            if is_test && declared.starts_with("fn test_") {
                findings.add(format!("{}:{}", file.path, index + 1), declared);
            }
            is_test &= line.is_empty();
        }
    }
    findings.conclude();
}
