use std::time::Duration;

use super::parse;
use crate::settings::{LogFormat, Settings};

fn problems(text: &str) -> Vec<String> {
    parse("fairlead.yaml", text.as_bytes()).expect_err("the file is wrong").problems
}

#[test]
fn an_empty_file_says_nothing() {
    assert_eq!(parse("fairlead.yaml", b""), Ok(Settings::default()));
    assert_eq!(parse("fairlead.yaml", b"xds:\nlog: {}\n"), Ok(Settings::default()));
}

#[test]
fn what_is_said_is_read_and_the_rest_has_its_default() {
    let settings = parse(
        "fairlead.yaml",
        b"source: {configDir: mesh}\nxds:\n  bind: 127.0.0.1:1234\n  drain: 3s\nlog: {format: json}\n",
    )
    .expect("the file is right");
    assert_eq!(settings.source.config_dir.as_deref(), Some(std::path::Path::new("mesh")));
    assert_eq!(settings.xds.bind.port(), 1234);
    assert_eq!(settings.xds.drain.0, Duration::from_secs(3));
    assert_eq!(settings.log.format, LogFormat::Json);
    assert_eq!(settings.admin, Settings::default().admin);
}

#[test]
fn what_is_printed_is_read_back_equal() {
    let mut settings = Settings::default();
    settings.source.config_dir = Some("a b".into());
    settings.debounce.max.0 = Duration::from_millis(1500);
    assert_eq!(parse("printed", settings.to_yaml().as_bytes()), Ok(settings));
}

#[test]
fn an_unknown_setting_is_named_with_its_line_and_the_nearest_one() {
    assert_eq!(
        problems("xds:\n  bnid: 127.0.0.1:1\n"),
        ["fairlead.yaml:2:3: xds.bnid: no such setting; did you mean `bind`?"]
    );
    let all = problems("sources: {}\nfoobarbaz: 1\n");
    assert_eq!(all[0], "fairlead.yaml:1:1: sources: no such setting; did you mean `source`?");
    assert!(all[1].contains("fairlead.yaml:2:1: foobarbaz: no such setting; there are `admin`"), "{all:?}");
}

#[test]
fn a_wrong_value_is_named_with_its_line() {
    let all = problems("xds:\n  bind: nowhere\n  drain: 3\nlog:\n  format: xml\n");
    assert!(all[0].starts_with("fairlead.yaml:2:9: xds.bind: "), "{all:?}");
    assert!(all[1].starts_with("fairlead.yaml:3:10: xds.drain: "), "{all:?}");
    assert!(all[2].starts_with("fairlead.yaml:5:11: log.format: "), "{all:?}");
    let all = problems("xds:\n  bind: :15010\nadmin:\n  bind: localhost\nlog:\n  level: inof\n");
    assert!(all[0].starts_with("fairlead.yaml:2:9: xds.bind: `:15010` has no address: write 127"), "{all:?}");
    assert!(all[1].starts_with("fairlead.yaml:4:9: admin.bind: `localhost` has no port"), "{all:?}");
    assert!(all[2].starts_with("fairlead.yaml:6:10: log.level: `inof` is no level; did you mean"), "{all:?}");
}

#[test]
fn a_setting_in_the_place_of_a_section_is_named() {
    let all = problems("admin: 3\n");
    assert_eq!(all[0], "fairlead.yaml:1:8: admin: settings are expected here, not a number");
}

#[test]
fn broken_yaml_is_reported_with_its_line() {
    let all = problems("xds: [\n");
    assert!(all[0].starts_with("fairlead.yaml:"), "{all:?}");
}
