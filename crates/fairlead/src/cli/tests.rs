use clap::{CommandFactory as _, Parser as _};

use super::Cli;

fn walk(command: &clap::Command, check: &mut dyn FnMut(&clap::Command)) {
    check(command);
    command.get_subcommands().for_each(|command| walk(command, check));
}

#[test]
fn the_command_line_is_well_formed() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_has_an_example_in_its_help() {
    let mut without = Vec::new();
    for command in Cli::command().get_subcommands() {
        walk(command, &mut |command| {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            if !help.contains("Example:") {
                without.push(command.get_name().to_owned());
            }
        });
    }
    assert_eq!(without, Vec::<String>::new());
}

#[test]
fn the_short_names_of_istioctl_work() {
    for line in [
        "ps",
        "pc l x.y",
        "pc r x.y",
        "pc c x.y",
        "pc e x.y",
        "pc s x.y",
        "pc all x.y",
        "pc clusters x.y -o json",
    ] {
        let words = ["fairlead"].into_iter().chain(line.split(' '));
        assert!(Cli::try_parse_from(words).is_ok(), "{line}");
    }
}

#[test]
fn help_is_a_command_too() {
    for (line, expected) in [
        ("help", "Usage: fairlead <COMMAND>"),
        ("help analyze", "Usage: fairlead analyze"),
        ("help proxy-config route", "Usage: fairlead proxy-config route"),
    ] {
        let words = ["fairlead"].into_iter().chain(line.split(' '));
        let shown = Cli::try_parse_from(words).expect_err("help ends the program");
        assert_eq!(shown.exit_code(), 0, "{line}");
        assert!(shown.to_string().contains(expected), "{line}: {shown}");
    }
}

#[test]
fn wrong_usage_ends_with_2() {
    for line in [
        "nonsense",
        "help nonsense",
        "pc route",
        "pc cluster x.y --direction sideways",
        "analyze",
        "render",
        "render d --only nonsense",
        "serve --nonsense",
        "serve --config-dir d --log-level inof",
        "serve --config-dir d --log-format xml",
        "serve --config-dir d --xds-bind :15010",
        "ps --server https://localhost:15014",
        "ps -o wide",
    ] {
        let words = ["fairlead"].into_iter().chain(line.split(' '));
        let error = Cli::try_parse_from(words).expect_err("wrong usage");
        assert_eq!(error.exit_code(), 2, "{line}");
    }
}
