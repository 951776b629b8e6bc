//! The page and the rows say the same.

use std::{collections::BTreeSet, fs, path::Path};

use crate::rows::SUBJECTS;

fn lines_of_rows() -> Vec<String> {
    let mut lines = Vec::new();
    for (heading, rows) in SUBJECTS {
        lines.push(format!("## {heading}"));
        for row in *rows {
            let cells = [row.id, row.situation, row.answer, row.body.variants(), row.source];
            lines.push(format!("| {} |", cells.map(|cell| cell.replace('|', "\\|")).join(" | ")));
        }
    }
    lines
}

/// Headings and rows of the page; its prose and the headers of its tables are nobody's business here.
fn lines_of_page(page: &str) -> Vec<String> {
    let table = |line: &&str| line.starts_with("| ") && !line.starts_with("| id ");
    page.lines().filter(|line| line.starts_with("## ") || table(line)).map(str::to_owned).collect()
}

#[test]
fn the_page_has_the_rows_and_no_others() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/xds-conformance.md");
    let page = fs::read_to_string(&path).unwrap();
    let (rows, page) = (lines_of_rows(), lines_of_page(&page));
    let missing: Vec<_> = rows.iter().filter(|line| !page.contains(line)).collect();
    let unknown: Vec<_> = page.iter().filter(|line| !rows.contains(line)).collect();
    assert!(
        rows == page,
        "docs/reference/xds-conformance.md differs from the rows; to be added:\n{missing:#?}\nto be removed:\n\
         {unknown:#?}\n(if both are empty, the order differs)\n\n{}",
        rows.join("\n")
    );
}

#[test]
fn ids_are_unique() {
    let ids: Vec<_> = SUBJECTS.iter().flat_map(|(_, rows)| rows.iter().map(|row| row.id)).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
}
