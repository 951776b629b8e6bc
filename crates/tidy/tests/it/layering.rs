//! Which crate may know which, and what must stay absent.

use std::collections::{BTreeMap, BTreeSet};

use fairlead_tidy::{
    absences,
    exceptions::{Allowed, Rule},
    files,
    findings::Findings,
    markdown, workspace,
};

const ARCHITECTURE: &str = "docs/architecture.md";
const CRATE_TABLE: &str = "## Crates";

/// A row of the crate table: what the crate may depend on.
enum May {
    Anything,
    Only(BTreeSet<String>),
}

fn crate_table() -> BTreeMap<String, May> {
    let page = files::text_at(ARCHITECTURE).expect("the architecture page exists");
    let rows = markdown::table(&page, CRATE_TABLE);
    assert!(!rows.is_empty(), "{ARCHITECTURE} has no table below `{CRATE_TABLE}`");
    let parsed = rows.into_iter().map(|row| {
        let name = markdown::code_words(&row[0]).first().expect("a crate's name is in backticks").to_string();
        let may = match row[1].as_str() {
            "any" => May::Anything,
            listed => May::Only(markdown::code_words(listed).into_iter().map(str::to_owned).collect()),
        };
        (name, may)
    });
    parsed.collect()
}

#[test]
fn crates_depend_on_each_other_as_the_architecture_page_says() {
    let mut findings = Findings::new(
        "remove the dependency, or change the design: the table in docs/architecture.md in the same commit",
    );
    let table = crate_table();
    for (name, found) in workspace::crates() {
        match table.get(&name) {
            None => findings.add(&name, format!("has no row in the table of {ARCHITECTURE}")),
            Some(May::Anything) => {}
            Some(May::Only(may)) => {
                for extra in found.inside.difference(may) {
                    findings.add(&name, format!("depends on `{extra}`, which the table does not allow"));
                }
                for stale in may.difference(&found.inside) {
                    findings.add(&name, format!("does not depend on `{stale}`, as the table says"));
                }
            }
        }
    }
    findings.conclude();
}

#[test]
fn every_crate_in_the_table_exists() {
    let mut findings =
        Findings::new("move the row to `Not there yet`, or create the crate with its first content");
    let found = workspace::crates();
    for name in crate_table().keys().filter(|name| !found.contains_key(*name)) {
        findings.add(name, "is in the crate table, but not in the workspace");
    }
    findings.conclude();
}

#[test]
fn what_only_tests_need_is_not_shipped() {
    let mut findings =
        Findings::new("make it a dev-dependency; what `fairlead demo` needs of it belongs in `lab`");
    for (name, found) in workspace::crates() {
        if name != "load" && found.inside.contains("testkit") {
            findings.add(&name, "depends on `testkit` outside its tests");
        }
        for program in ["load", "tidy"] {
            if found.inside.contains(program) {
                findings.add(&name, format!("depends on `{program}`"));
            }
        }
    }
    findings.conclude();
}

#[test]
fn what_must_be_absent_is_absent() {
    let mut findings = Findings::new(
        "take it as an argument, move it to a crate that may have it, or add an entry with its reason to \
         crates/tidy/src/exceptions.rs",
    );
    let mut allowed = Allowed::to(Rule::Absence);
    for file in files::rust_sources() {
        for entry in absences::uses(&file) {
            if !allowed.covers(&file.path, entry.path) {
                findings.add(
                    format!("{}:{}", file.path, entry.line),
                    format!("`{}`: {}", entry.path, entry.reason),
                );
            }
        }
    }
    for row in allowed.unused() {
        findings.add(row.path, format!("no longer needs its exception for `{}`", row.what));
    }
    findings.conclude();
}

#[test]
fn pure_crates_depend_on_nothing_that_waits() {
    const WAITING: &[&str] = &["tokio", "tonic", "hyper", "axum", "h2", "kube", "notify", "rand", "reqwest"];
    let mut findings =
        Findings::new("remove the dependency; docs/architecture.md says which crates stay pure");
    for (name, found) in workspace::crates() {
        if absences::PURE.contains(&name.as_str()) {
            for waiting in WAITING.iter().filter(|waiting| found.outside.contains(**waiting)) {
                findings.add(&name, format!("depends on `{waiting}`"));
            }
        }
    }
    findings.conclude();
}

#[test]
fn every_clippy_configuration_keeps_the_bans_of_the_root() {
    let bans = |text: &str| -> BTreeSet<String> {
        let rows = text.lines().filter_map(|line| line.trim().strip_prefix("{ path = \""));
        rows.filter_map(|row| Some(row.split_once('"')?.0.to_owned())).collect()
    };
    let root = bans(&files::text_at("clippy.toml").expect("the root has a clippy.toml"));
    assert!(!root.is_empty(), "the root clippy.toml bans nothing");
    let mut findings =
        Findings::new("copy the line from the root: a crate's clippy.toml replaces the root's");
    for file in files::all().iter().filter(|file| file.path.ends_with("/clippy.toml")) {
        for missing in root.difference(&bans(&file.text())) {
            findings.add(&file.path, format!("does not ban `{missing}`"));
        }
    }
    findings.conclude();
}
