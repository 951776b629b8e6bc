//! Host names, exact and wildcard, as Istio's `hosts` fields write them.

use std::{cmp::Ordering, fmt, sync::Arc};

use fairlead_config::parts::is_server_name;

/// A lower-case host: a fully qualified name, an IP address, a wildcard (`*.example.com`) or `*`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Host(Arc<str>);

impl Host {
    /// Returns `host` in lower case; short names are not expanded.
    pub fn new(host: &str) -> Self {
        if host.bytes().any(|b| b.is_ascii_uppercase()) {
            Self(host.to_ascii_lowercase().into())
        } else {
            Self(host.into())
        }
    }

    /// `host`, with a name of one label expanded to `<host>.<namespace>.svc.<domain>`.
    ///
    /// Names with a dot, IP addresses and wildcards stay as they are, so `reviews.prod` is not a short name.
    /// Mirrors istio pkg/model/config.go (ResolveShortnameToFQDN).
    pub fn resolve(host: &str, namespace: &str, domain: &str) -> Self {
        if host.is_empty() || host.contains(['.', '*', ':']) {
            Self::new(host)
        } else {
            Self::new(&format!("{host}.{namespace}.svc.{domain}"))
        }
    }

    /// The host as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The shared text.
    pub fn as_arc(&self) -> &Arc<str> {
        &self.0
    }

    /// Whether the host is `*` or begins with `*.` (or another `*` prefix).
    pub fn is_wildcard(&self) -> bool {
        self.0.starts_with('*')
    }

    /// Whether the wildcard stands for part of a label, as in `*-eu.example.com`.
    pub fn is_partial_wildcard(&self) -> bool {
        !is_server_name(&self.0)
    }

    /// Whether `self` stands for every name that `other` stands for.
    pub fn covers(&self, other: &Self) -> bool {
        match self.0.strip_prefix('*') {
            None => self == other,
            Some(suffix) => match other.0.strip_prefix('*') {
                Some(other_suffix) => other_suffix.ends_with(suffix),
                None => other.0.len() > suffix.len() && other.0.ends_with(suffix) || suffix.is_empty(),
            },
        }
    }

    /// Whether some name matches both.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.covers(other) || other.covers(self)
    }

    /// The narrower of two hosts that overlap.
    pub fn intersection(&self, other: &Self) -> Option<Self> {
        if self.covers(other) {
            Some(other.clone())
        } else if other.covers(self) {
            Some(self.clone())
        } else {
            None
        }
    }

    /// Orders the most specific first: exact names before wildcards, longer wildcards before shorter ones.
    pub fn by_specificity(&self, other: &Self) -> Ordering {
        (self.is_wildcard(), std::cmp::Reverse(self.0.len()), &self.0).cmp(&(
            other.is_wildcard(),
            std::cmp::Reverse(other.0.len()),
            &other.0,
        ))
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests;
