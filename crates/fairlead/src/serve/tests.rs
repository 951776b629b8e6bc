use clap::Parser;

use super::Args;

#[derive(Parser)]
struct Serve {
    #[command(flatten)]
    args: Args,
}

fn settings(arguments: &[&str]) -> Result<fairlead_control_plane::settings::Settings, String> {
    let all = ["serve"].into_iter().chain(arguments.iter().copied());
    Serve::try_parse_from(all).expect("the flags exist").args.settings().map_err(|error| format!("{error:#}"))
}

#[test]
fn a_flag_wins_over_the_file_and_the_file_over_the_default() {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), "xds: {bind: 127.0.0.1:1}\nmesh: {domain: in.file}\n").expect("written");
    let path = file.path().to_str().expect("a path in UTF-8");
    let read = settings(&["--config", path, "--xds-bind", "127.0.0.1:2"]).expect("good settings");
    assert_eq!(read.xds.bind.port(), 2);
    assert_eq!(read.mesh.domain, "in.file");
    assert_eq!(read.admin.bind.port(), 15014);
}

#[test]
fn a_bind_beyond_loopback_is_refused_without_the_flag_and_the_message_names_it() {
    let error = settings(&["--xds-bind", "0.0.0.0:15010"]).expect_err("not authenticated");
    assert!(error.contains("--allow-unauthenticated") && error.contains("0.0.0.0:15010"), "{error}");
    assert!(settings(&["--xds-bind", "0.0.0.0:15010", "--allow-unauthenticated"]).is_ok());
}
