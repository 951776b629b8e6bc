use std::collections::BTreeSet;

use fairlead_config::Code;

fn page() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/diagnostics.md");
    std::fs::read_to_string(path).expect("the page of diagnostics is in the repository")
}

#[test]
fn every_code_has_a_section_and_every_section_a_code() {
    let page = page();
    let sections: BTreeSet<_> = page.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    let codes: Vec<_> = Code::ALL.iter().map(|code| format!("{} {}", code.as_str(), code.name())).collect();
    let missing: Vec<_> = codes.iter().filter(|code| !sections.contains(code.as_str())).collect();
    assert!(missing.is_empty(), "without a section: {missing:#?}");
    let unknown: Vec<_> =
        sections.iter().filter(|section| !codes.iter().any(|code| code == *section)).collect();
    assert!(unknown.is_empty(), "sections without a code: {unknown:#?}");
}

#[test]
fn every_section_says_what_it_means_and_what_to_write_instead() {
    let page = page();
    for section in page.split("\n### ").skip(1) {
        let (title, body) = section.split_once('\n').expect("a section has a body");
        assert!(body.contains("Instead:"), "{title} does not say what to write instead");
        assert!(body.contains("Example:"), "{title} has no example");
    }
}

#[test]
fn codes_and_names_are_unique_and_in_order() {
    let codes: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert!(codes.is_sorted_by(|a, b| a < b), "{codes:?}");
    let names: BTreeSet<_> = Code::ALL.iter().map(|code| code.name()).collect();
    assert_eq!(names.len(), Code::ALL.len());
    for code in Code::ALL {
        let kebab = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        assert!(code.name().bytes().all(kebab), "{code}");
        assert!(!code.summary().ends_with('.') && code.as_str().len() == 6, "{code}");
    }
}
