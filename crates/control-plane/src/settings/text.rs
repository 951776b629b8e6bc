//! Settings with a text form of their own: in the file, as flags, and in requests.

use std::net::{Ipv4Addr, SocketAddr};

use serde::{Deserialize, Deserializer, de::Error as _};

/// The log levels, from the quietest to the most verbose.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// The log targets of Fairlead itself.
const TARGETS: [&str; 8] = [
    "fairlead",
    "fairlead_config",
    "fairlead_control_plane",
    "fairlead_incremental",
    "fairlead_model",
    "fairlead_source_file",
    "fairlead_translate",
    "fairlead_xds",
];

/// Parses a bind address: an IP address or `localhost`, and a port.
///
/// # Errors
/// What to write instead.
pub fn bind_address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) => (host, port),
        None if text.bytes().all(|byte| byte.is_ascii_digit()) => ("", text),
        None => (text, ""),
    };
    let port: u16 =
        port.parse().map_err(|_| format!("`{text}` has no port: write for example 127.0.0.1:15010"))?;
    match host {
        "localhost" => Ok((Ipv4Addr::LOCALHOST, port).into()),
        "" | "*" => Err(format!(
            "`{text}` has no address: write 127.0.0.1:{port} for this machine, 0.0.0.0:{port} for all"
        )),
        _ if host.contains(':') => Err(format!(
            "`{text}` is not of the form address:port; an IPv6 address stands in brackets: [::1]:{port}"
        )),
        _ => Err(format!("`{host}` is no IP address: write for example 127.0.0.1:{port}")),
    }
}

/// Checks log levels: `info`, `info,fairlead_xds=debug`. `EnvFilter` would take an unknown level as a target that logs
/// everything, and log nothing else.
///
/// # Errors
/// What to write instead.
pub fn log_levels(text: &str) -> Result<String, String> {
    let directives: Vec<_> =
        text.split(',').map(str::trim).filter(|directive| !directive.is_empty()).collect();
    if directives.is_empty() {
        return Err(format!("which level? There are {}", listed(&LEVELS)));
    }
    for directive in directives {
        // A span may have values of any form, and is not written by accident.
        if directive.contains('[') {
            continue;
        }
        let (target, level) = directive.rsplit_once('=').unwrap_or(("", directive));
        if !LEVELS.iter().any(|known| known.eq_ignore_ascii_case(level)) {
            return Err(unknown(&format!("`{level}` is no level"), level, &LEVELS));
        }
        let part = target.split("::").next().unwrap_or_default();
        if part.starts_with("fairlead") && !TARGETS.contains(&part) {
            return Err(unknown(&format!("nothing logs as `{part}`"), part, &TARGETS));
        }
    }
    Ok(text.to_owned())
}

fn unknown(what: &str, word: &str, known: &[&str]) -> String {
    let lower = word.to_lowercase();
    let near = known.iter().map(|name| (strsim::osa_distance(&lower, name), name));
    let meant = match lower.as_str() {
        "warning" => Some("warn"),
        _ => near.filter(|(edits, _)| *edits <= 2).min().map(|(_, name)| *name),
    };
    let meant = meant.map_or_else(|| ".".to_owned(), |name| format!("; did you mean `{name}`?"));
    format!("{what}{meant} There are {}", listed(known))
}

fn listed(words: &[&str]) -> String {
    words.join(", ")
}

pub(super) fn read_address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    bind_address(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}

pub(super) fn read_levels<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    log_levels(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}

#[cfg(test)]
mod tests;
