//! The examples of `docs/reference/diagnostics.md`: each has an input, and the answer to the input has its code.
//!
//! Most inputs are files, `tests/diagnostics/<CODE>.yaml` or `tests/diagnostics/<CODE>/`. The first line of the file, or of
//! the folder's first file by name, repeats the page's paragraph. What a file of the repository cannot be is `made`, what
//! only a server says is `served`, and the rest names the test that shows it.

mod made;
mod served;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

/// What needs an Envoy or another machine: the code, the file and the test that shows it.
const SHOWN_ELSEWHERE: &[(&str, &str, &str)] = &[
    (
        "FL0017",
        "crates/fairlead/tests/e2e_changes/surroundings.rs",
        "a_directory_that_cannot_be_watched_is_polled_and_that_is_said",
    ),
    ("FL0326", "crates/fairlead/tests/e2e/live_changes.rs", "what_an_envoy_refuses_harms_nothing_else"),
];

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The paragraph `Example: …` of each code, on one line.
fn page() -> BTreeMap<String, String> {
    let page = std::fs::read_to_string(repository().join("docs/reference/diagnostics.md"))
        .expect("the page is there");
    let example = |section: &str| {
        let code = section.split_whitespace().next()?.to_owned();
        let paragraph = section.split("\n\n").find(|paragraph| paragraph.starts_with("Example: "))?;
        Some((code, paragraph.trim_end().replace('\n', " ")))
    };
    page.split("\n### FL").skip(1).filter_map(|section| example(&format!("FL{section}"))).collect()
}

/// The files and folders of `tests/diagnostics` by their code.
fn inputs() -> BTreeMap<String, PathBuf> {
    let entries = std::fs::read_dir(repository().join("tests/diagnostics")).expect("the inputs are there");
    let paths = entries.map(|entry| entry.expect("a directory can be read").path());
    paths.map(|path| (path.file_stem().expect("a name").to_string_lossy().into_owned(), path)).collect()
}

/// The first line of an input without its comment sign. A file may be anything but UTF-8.
fn first_line(input: &Path) -> String {
    let file = if input.is_dir() {
        let mut files: Vec<_> = std::fs::read_dir(input)
            .expect("a folder")
            .map(|entry| entry.expect("an entry").path())
            .collect();
        files.sort();
        files.into_iter().next().unwrap_or_else(|| panic!("{} is empty", input.display()))
    } else {
        input.to_owned()
    };
    let bytes = std::fs::read(&file).expect("an input can be read");
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    String::from_utf8_lossy(line).trim_start_matches("# ").to_owned()
}

/// The codes of the findings that `fairlead analyze` has about a file or a folder.
fn codes(input: &Path) -> BTreeSet<String> {
    if input.is_dir() {
        return codes_of(&crate::fairlead(&["analyze", crate::text(input), "--output", "json"]), input);
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    std::fs::copy(input, directory.path().join("example.yaml")).expect("a file can be copied");
    codes(directory.path())
}

fn codes_of(output: &std::process::Output, input: &Path) -> BTreeSet<String> {
    let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let findings: serde_json::Value = serde_json::from_str(&out)
        .unwrap_or_else(|why| panic!("{}: {why}: {out}{error} ({})", input.display(), output.status));
    let findings = findings.as_array().expect("a list of findings");
    findings.iter().map(|finding| finding["code"].as_str().expect("a code").to_owned()).collect()
}

#[test]
fn each_example_of_the_page_has_its_code_in_the_answer() {
    let page = page();
    assert!(page.len() > 100, "the page has its examples: {page:?}");
    let mut wrong = Vec::new();
    for (code, input) in inputs() {
        if first_line(&input) != *page.get(&code).map_or("", String::as_str) {
            wrong.push(format!("{code}: the input's first line is not the page's: {:?}", page.get(&code)));
        }
        let found = codes(&input);
        if !found.contains(&code) {
            wrong.push(format!("{code} is not in the answer to {}: {found:?}", input.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_code_of_the_page_is_shown_in_one_way() {
    let page = page();
    let mut ways: BTreeMap<&str, Vec<&str>> = page.keys().map(|code| (code.as_str(), Vec::new())).collect();
    let inputs = inputs();
    let files = inputs.keys().map(|code| (code.as_str(), "a file"));
    let made = made::EXAMPLES.iter().map(|(code, _, _)| (*code, "made"));
    let served = served::EXAMPLES.iter().map(|(code, _, _)| (*code, "served"));
    let elsewhere = SHOWN_ELSEWHERE.iter().map(|(code, _, _)| (*code, "elsewhere"));
    for (code, way) in files.chain(made).chain(served).chain(elsewhere) {
        ways.get_mut(code).unwrap_or_else(|| panic!("{code} ({way}) has no example on the page")).push(way);
    }
    ways.retain(|_, ways| ways.len() != 1);
    assert!(ways.is_empty(), "{ways:#?}");
}

#[test]
fn what_is_shown_elsewhere_is_there() {
    for (code, file, test) in SHOWN_ELSEWHERE {
        let text = std::fs::read_to_string(repository().join(file)).expect("the file is there");
        assert!(text.contains(&format!("fn {test}()")), "{code}: there is no test {test} in {file}");
    }
}
