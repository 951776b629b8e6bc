//! The names of a certificate, and which hosts they are for (RFC 6125).

/// The alternative names of a certificate. Clients no longer use its common name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AltNames {
    /// Names of servers in lower case, which may begin with `*.`.
    pub dns: Vec<String>,
    /// Whether there are names of other types: addresses, URIs.
    pub others: bool,
}

impl AltNames {
    /// Whether the certificate may be valid for `host`, in lower case; for a wildcard, one matching host is enough.
    pub fn may_be_for(&self, host: &str) -> bool {
        self.dns.iter().any(|name| match host.strip_prefix("*.") {
            // A wildcard of a server stands for any number of labels.
            Some(domain) => {
                let below = name.strip_prefix("*.").unwrap_or(name);
                below == domain && name != domain || is_under(below, domain)
            }
            None => match name.strip_prefix("*.") {
                // A wildcard of a certificate stands for one.
                Some(domain) => host.split_once('.').is_some_and(|(_, rest)| rest == domain),
                None => name == host,
            },
        })
    }
}

fn is_under(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
}
