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
    for line in ["ps", "pc l x.y", "pc r x.y", "pc c x.y", "pc e x.y", "pc s x.y", "pc clusters x.y -o json"]
    {
        let words = ["fairlead"].into_iter().chain(line.split(' '));
        assert!(Cli::try_parse_from(words).is_ok(), "{line}");
    }
}

#[test]
fn wrong_usage_ends_with_2() {
    for line in ["nonsense", "pc route", "analyze", "serve --nonsense"] {
        let words = ["fairlead"].into_iter().chain(line.split(' '));
        let error = Cli::try_parse_from(words).expect_err("wrong usage");
        assert_eq!(error.exit_code(), 2, "{line}");
    }
}
