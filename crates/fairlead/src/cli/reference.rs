//! Generates `docs/reference/cli.md` from the command line: `UPDATE=1 cargo test -p fairlead` rewrites it.

use std::{fmt::Write as _, path::Path};

use clap::CommandFactory as _;

use crate::cli::Cli;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/cli.md");

fn page() -> String {
    let mut page = "# Command line\n\nGenerated from the program's help by `UPDATE=1 cargo test -p fairlead`; do not edit.\n\n\
        Exit codes: 0 for success; 1 if there are findings or the command failed; 2 for wrong usage; 3 if the server \
        that was asked cannot be reached.\n"
        .to_owned();
    let mut command = Cli::command().term_width(100);
    command.build();
    for sub in command.get_subcommands_mut().filter(|sub| sub.get_name() != "help") {
        section(sub, "fairlead", 2, &mut page);
    }
    page
}

fn section(command: &mut clap::Command, parent: &str, level: usize, page: &mut String) {
    let name = format!("{parent} {}", command.get_name());
    let help = command.render_long_help().to_string();
    let help: Vec<_> = help.lines().map(str::trim_end).collect();
    let hashes = "#".repeat(level);
    // Writing to a String does not fail.
    let _ = write!(page, "\n{hashes} {name}\n\n```text\n{}\n```\n", help.join("\n").trim_end());
    for sub in command.get_subcommands_mut().filter(|sub| sub.get_name() != "help") {
        section(sub, &name, level + 1, page);
    }
}

#[test]
fn the_page_of_the_command_line_is_up_to_date() {
    let expected = page();
    let path = Path::new(PAGE);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, &expected).expect("the page can be written");
    }
    let found = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        found == expected,
        "docs/reference/cli.md is out of date: UPDATE=1 cargo test -p fairlead rewrites it"
    );
}
