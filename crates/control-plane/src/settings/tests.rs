use super::{Settings, SettingsError};

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
