use super::{bind_address, log_levels};

#[test]
fn an_address_to_listen_at_is_an_ip_address_or_localhost_with_a_port() {
    for (text, expected) in [
        ("127.0.0.1:15010", "127.0.0.1:15010"),
        ("0.0.0.0:15010", "0.0.0.0:15010"),
        ("[::1]:15010", "[::1]:15010"),
        ("localhost:15010", "127.0.0.1:15010"),
        ("localhost:0", "127.0.0.1:0"),
    ] {
        assert_eq!(bind_address(text).map(|address| address.to_string()), Ok(expected.to_owned()), "{text}");
    }
}

#[test]
fn what_is_no_address_to_listen_at_tells_what_to_write() {
    for (text, expected) in [
        (":15010", "write 127.0.0.1:15010 for this machine, 0.0.0.0:15010 for all"),
        ("15010", "write 127.0.0.1:15010 for this machine, 0.0.0.0:15010 for all"),
        ("*:15010", "write 127.0.0.1:15010 for this machine"),
        ("localhost", "`localhost` has no port: write"),
        ("127.0.0.1", "`127.0.0.1` has no port: write"),
        ("127.0.0.1:70000", "has no port"),
        ("", "has no port"),
        ("xds.example.com:15010", "`xds.example.com` is no IP address"),
        ("::1:15010", "in brackets: [::1]:15010"),
    ] {
        let error = bind_address(text).expect_err(text);
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn levels_are_words_alone_or_of_what_logs() {
    for text in [
        "info",
        "INFO",
        "off",
        "info,fairlead_xds=debug",
        "warn, fairlead_control_plane::telemetry=trace,",
        "info,h2=off",
        "info,[session{proxy.id=a}]=debug",
    ] {
        assert_eq!(log_levels(text), Ok(text.to_owned()), "{text}");
    }
}

#[test]
fn a_misspelt_level_is_an_error_that_names_the_right_one() {
    for (text, expected) in [
        ("inof", "`inof` is no level; did you mean `info`? There are off, error, warn, info, debug, trace"),
        ("warning", "`warning` is no level; did you mean `warn`?"),
        ("verbose", "`verbose` is no level. There are off, error"),
        ("info,fairlead_xds=debgu", "`debgu` is no level; did you mean `debug`?"),
        ("info,fairlead_xds", "`fairlead_xds` is no level. There are off"),
        ("info,fairlead_xsd=debug", "nothing logs as `fairlead_xsd`; did you mean `fairlead_xds`?"),
        (
            "info,fairlead_other=debug",
            "nothing logs as `fairlead_other`. There are fairlead, fairlead_config",
        ),
        ("", "which level? There are off, error"),
    ] {
        let error = log_levels(text).expect_err(text);
        assert!(error.starts_with(expected), "{text}: {error}");
    }
}
