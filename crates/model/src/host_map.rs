//! [`HostMap`]: values by host, found for a name by its exact entry and by the wildcards that cover it.

use std::{collections::BTreeMap, sync::Arc};

use crate::Host;

/// Values by exact or wildcard host. A lookup takes one step for each label of the name, however many entries there
/// are.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct HostMap<T> {
    exact: BTreeMap<Host, T>,
    /// Entries of wildcards, by what follows the `*`.
    wildcards: BTreeMap<Arc<str>, T>,
    /// Whether a wildcard covers part of a label (`*-eu.example.com`), so that every suffix must be tried.
    within_labels: bool,
}

impl<T> Default for HostMap<T> {
    fn default() -> Self {
        Self { exact: BTreeMap::new(), wildcards: BTreeMap::new(), within_labels: false }
    }
}

impl<T> HostMap<T> {
    /// Whether there is no entry.
    pub(crate) fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.wildcards.is_empty()
    }

    /// The entry of `host`, inserted by `make` if absent.
    pub(crate) fn entry(&mut self, host: &Host, make: impl FnOnce() -> T) -> &mut T {
        match host.as_str().strip_prefix('*') {
            Some(suffix) => {
                self.within_labels |= !(suffix.is_empty() || suffix.starts_with('.'));
                self.wildcards.entry(suffix.into()).or_insert_with(make)
            }
            None => self.exact.entry(host.clone()).or_insert_with(make),
        }
    }

    /// The entry of exactly this host.
    pub(crate) fn get(&self, host: &Host) -> Option<&T> {
        match host.as_str().strip_prefix('*') {
            Some(suffix) => self.wildcards.get(suffix),
            None => self.exact.get(host),
        }
    }

    /// The entries that cover `host`, the most specific first.
    pub(crate) fn covering<'a>(&'a self, host: &Host) -> impl Iterator<Item = &'a T> {
        let text = host.as_str();
        let (exact, first) = match text.strip_prefix('*') {
            // A wildcard is covered by itself and by shorter wildcards.
            Some(suffix) => (None, suffix),
            None => (self.exact.get(host), text.get(1..).unwrap_or_default()),
        };
        let wildcards = if self.wildcards.is_empty() { None } else { Some(self.wildcards_for(first)) };
        exact.into_iter().chain(wildcards.into_iter().flatten())
    }

    fn wildcards_for<'a>(&'a self, first: &str) -> impl Iterator<Item = &'a T> {
        let is_start = move |at: usize| {
            at == first.len()
                || first.as_bytes()[at] == b'.'
                || (self.within_labels && first.is_char_boundary(at))
        };
        (0..=first.len())
            .filter(move |at| is_start(*at))
            .filter_map(move |at| self.wildcards.get(&first[at..]))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn map(hosts: &[&str]) -> HostMap<Host> {
        let mut map = HostMap::default();
        for host in hosts {
            let host = Host::new(host);
            map.entry(&host, || host.clone());
        }
        map
    }

    fn check(entries: &[&str], host: &str, expected: &[&str]) {
        let map = map(entries);
        let host = Host::new(host);
        let found: Vec<&str> = map.covering(&host).map(Host::as_str).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn the_most_specific_entry_comes_first() {
        check(
            &["*", "*.example.com", "a.example.com", "*.com"],
            "a.example.com",
            &["a.example.com", "*.example.com", "*.com", "*"],
        );
        check(&["*.example.com"], "example.com", &[]);
        check(&["*.example.com", "*.com", "a.example.com"], "*.example.com", &["*.example.com", "*.com"]);
        check(&["*-eu.example.com"], "a-eu.example.com", &["*-eu.example.com"]);
        check(&["*"], "a", &["*"]);
        check(&["*"], "*", &["*"]);
    }

    proptest! {
        #[test]
        fn a_lookup_finds_what_a_scan_finds(
            entries in prop::collection::vec("(\\*|\\*\\.|\\*-|)[ab](\\.[ab]){0,2}", 0..12),
            host in "(\\*\\.|)[ab](-[ab])?(\\.[ab]){0,3}",
        ) {
            let entries: Vec<Host> = entries.iter().map(|text| Host::new(text)).collect();
            let host = Host::new(&host);
            let mut map = HostMap::default();
            for entry in &entries {
                map.entry(entry, || entry.clone());
            }
            let mut scanned: Vec<Host> = entries.iter().filter(|entry| entry.covers(&host)).cloned().collect();
            scanned.sort_by(Host::by_specificity);
            scanned.dedup();
            let found: Vec<Host> = map.covering(&host).cloned().collect();
            prop_assert_eq!(found, scanned);
        }
    }
}
