//! Host names, wildcards, and `namespace/host`.

use std::net::IpAddr;

use crate::{Code, Diagnostics, FieldPath, printable::shown, syntax};

/// What a host may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HostForm {
    /// A DNS name.
    Name,
    /// A DNS name or a wildcard.
    Wildcard,
    /// A DNS name, a wildcard or an IP address.
    WildcardOrAddress,
}

/// Checks a host. Returns whether it is valid.
pub(super) fn check(host: &str, form: HostForm, path: FieldPath, found: &mut Diagnostics) -> bool {
    let result = match form {
        HostForm::Name => name(host),
        HostForm::WildcardOrAddress if host.parse::<IpAddr>().is_ok() => Ok(()),
        HostForm::Wildcard | HostForm::WildcardOrAddress => wildcard(host),
    };
    let Err(why) = result else { return true };
    let diagnostic = found.error(Code::BadHost, path, format!("`{}` is not a host: {why}", shown(host)));
    if host.contains("://") {
        diagnostic.help("write the host without a scheme");
    } else if let Some((name, port)) = host.rsplit_once(':')
        && port.bytes().all(|b| b.is_ascii_digit())
        && !name.contains(':')
    {
        diagnostic.help(format!("write {} and name the port elsewhere", shown(name)));
    } else if form == HostForm::Name && host.contains('*') {
        diagnostic.help("write the whole name of a service");
    }
    false
}

/// A DNS name in letters of either case; a dot may end it.
pub(super) fn name(host: &str) -> Result<(), &'static str> {
    let host = length(host)?;
    labels(host)
}

/// A DNS name, `*`, or a name whose first label begins with `*`.
pub(super) fn wildcard(host: &str) -> Result<(), &'static str> {
    let host = length(host)?;
    let Some(rest) = host.strip_prefix('*') else { return labels(host) };
    match rest {
        "" => Ok(()),
        _ if rest.contains('*') => Err("a * can only stand at its start"),
        _ => match rest.strip_prefix('.') {
            Some(domain) => labels(domain),
            None => labels(rest.strip_prefix('-').unwrap_or(rest)),
        },
    }
}

fn length(host: &str) -> Result<&str, &'static str> {
    match host.len() {
        0 => Err("it is empty"),
        1..=255 => Ok(host.strip_suffix('.').filter(|rest| !rest.is_empty()).unwrap_or(host)),
        _ => Err("it is longer than 255 characters"),
    }
}

fn labels(host: &str) -> Result<(), &'static str> {
    let lower = host.to_ascii_lowercase();
    for label in lower.split('.') {
        match syntax::label(label) {
            Err("it is empty") => return Err("a part of it is empty"),
            Err("only lower-case letters, digits and - are allowed") => {
                return Err("only letters, digits, - and . are allowed");
            }
            other => other?,
        }
    }
    let last = lower.rsplit('.').next().unwrap_or_default();
    if last.bytes().all(|b| b.is_ascii_digit()) {
        return Err("its last part is a number");
    }
    Ok(())
}

/// Whether every host that `inner` stands for is one that `outer` stands for.
pub(super) fn covers(outer: &str, inner: &str) -> bool {
    let (outer, inner) = (outer.to_ascii_lowercase(), inner.to_ascii_lowercase());
    match (outer.strip_prefix('*'), inner.strip_prefix('*')) {
        (Some(suffix), Some(inner_suffix)) => inner_suffix.ends_with(suffix),
        (Some(suffix), None) => inner.len() > suffix.len() && inner.ends_with(suffix),
        (None, Some(_)) => false,
        (None, None) => outer == inner,
    }
}

/// Checks that no host appears twice.
pub(super) fn unique(hosts: &[String], path: &FieldPath, found: &mut Diagnostics) {
    let mut seen = std::collections::BTreeSet::new();
    for (index, host) in hosts.iter().enumerate() {
        if !seen.insert(host.to_ascii_lowercase()) {
            let text = format!("the host `{}` appears twice", shown(host));
            found.error(Code::DuplicateName, path.clone().index(index), text).help("remove one");
        }
    }
}
