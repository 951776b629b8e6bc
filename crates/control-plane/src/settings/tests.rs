use super::{OWN_FILES, Settings, SettingsError};

#[test]
fn a_bind_beyond_loopback_needs_consent() {
    let mut settings = Settings::default();
    assert_eq!(settings.validate(), Ok(()));
    let everywhere = "0.0.0.0:15010".parse().expect("an address");
    settings.xds.bind = everywhere;
    assert_eq!(settings.validate(), Err(SettingsError::Exposed { setting: "xds", address: everywhere }));
    settings.xds.allow_unauthenticated = true;
    assert_eq!(settings.validate(), Ok(()));
    settings.admin.bind = everywhere;
    assert_eq!(settings.validate(), Err(SettingsError::Exposed { setting: "admin", address: everywhere }));
}

#[test]
fn the_quiet_times_are_in_order() {
    let mut settings = Settings::default();
    std::mem::swap(&mut settings.debounce.min, &mut settings.debounce.max);
    assert_eq!(settings.validate(), Err(SettingsError::Debounce));
}

/// The leaves of the settings with their defaults, as the file writes them.
fn leaves(path: &str, value: &serde_json::Value, found: &mut std::collections::BTreeMap<String, String>) {
    match value {
        serde_json::Value::Object(fields) => {
            for (name, value) in fields {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                leaves(&path, value, found);
            }
        }
        serde_json::Value::String(text) => drop(found.insert(path.to_owned(), format!("`{text}`"))),
        other => drop(found.insert(path.to_owned(), format!("`{other}`"))),
    }
}

#[test]
fn the_page_of_the_configuration_has_every_setting_with_its_default() {
    let page = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/configuration.md"));
    let rows = page.lines().filter_map(|line| {
        let cells: Vec<_> = line.strip_prefix("| `")?.split('|').map(str::trim).collect();
        Some((cells[0].trim_end_matches('`').to_owned(), cells[1].to_owned()))
    });
    let mut expected = std::collections::BTreeMap::from([("source.configDir".to_owned(), "none".to_owned())]);
    leaves("", &serde_json::to_value(Settings::default()).expect("settings are plain data"), &mut expected);
    assert_eq!(rows.collect::<std::collections::BTreeMap<_, _>>(), expected);
}

#[test]
fn connections_leave_open_files_to_the_directory_and_to_administration() {
    for open_files in [16, 64, 256, 1024, 4096, 65_536, 1 << 20] {
        let mut settings = Settings::default();
        let less = settings.fit_open_files(open_files);
        let (xds, admin) = (settings.xds.max_connections, settings.admin.max_connections);
        assert_eq!(less, open_files < 16_384, "{open_files}");
        assert!(xds >= 1 && admin >= 4, "{open_files}");
        assert!(xds + admin + OWN_FILES <= open_files || open_files < 64, "{open_files}: {xds} {admin}");
    }
}
