//! Virtual hosts as resources of their own (VHDS).
//!
//! A client subscribes once to all hosts of all its tables. Envoy drops hosts that arrive before their table, so they
//! follow it whenever it is new to the client; a table without hosts must be told so.

use std::{collections::BTreeSet, ops::Bound};

use fairlead_resource::{EncodedResource, ResourceName, ResourceSet, TypeUrl, Types};

use super::{
    holdings::{Flight, Holding, TypeState},
    ledger::Ledger,
    rules::{Beginning, Rules},
};
use crate::{Publication, published::elements_of};

/// The route tables that a client holds in the form whose hosts come separately.
#[cfg_attr(test, derive(Clone))]
#[derive(Default)]
pub(super) struct Hosts {
    known: BTreeSet<ResourceName>,
    /// Tables that the client waits for: they are new, and their first host or their emptiness is due.
    release: BTreeSet<ResourceName>,
    /// The last result of `hosts`, preceded by the tables from which it was made.
    cut: Option<(ResourceSet, ResourceSet)>,
}

impl Hosts {
    /// The types with rules here.
    pub(super) const TYPES: [TypeUrl; 2] = [TypeUrl::ROUTE_CONFIGURATION, TypeUrl::VIRTUAL_HOST];

    /// The hosts that the client should hold: the published hosts of known tables. The hosts of a table that is no
    /// longer published stay as long as the client holds the table.
    fn hosts(&mut self, published: &Publication, all: &ResourceSet, state: &TypeState) -> ResourceSet {
        let tables = published.set(TypeUrl::ROUTE_CONFIGURATION);
        match &self.cut {
            Some((of, cut)) if of.ptr_eq(tables) => cut.clone(),
            _ => {
                let mut cut = self.cut_to_known(all);
                for table in &self.known {
                    if tables.get(table).and_then(elements_of).is_none() {
                        cut.extend(held_of(state, table).map(|host| (host.name.clone(), host.clone())));
                    }
                }
                self.cut = Some((tables.clone(), cut.clone()));
                cut
            }
        }
    }

    fn cut_to_known(&self, all: &ResourceSet) -> ResourceSet {
        let mut cut = all.clone();
        for table in tables_of(all) {
            if !self.known.contains(&*table) {
                for (name, _) in hosts_of(all, &table) {
                    cut.remove(name);
                }
            }
        }
        cut
    }

    /// Notes that a table is held. Returns whether it is new.
    fn learn(&mut self, table: &ResourceName) -> bool {
        let new = self.known.insert(table.clone());
        if new {
            self.cut = None;
        }
        new
    }

    /// Notes that a table is not held.
    fn forget(&mut self, table: &ResourceName) {
        self.release.remove(table);
        if self.known.remove(table) {
            self.cut = None;
        }
    }
}

impl Hosts {
    /// Accounts for a response with route tables: new ones are followed by their hosts.
    fn tables_sent(&mut self, ledger: &mut Ledger, flight: &Flight) {
        let publication = ledger.publication.clone();
        for name in flight.carried.names() {
            let table = publication.set(TypeUrl::ROUTE_CONFIGURATION).get(name);
            let Some(elements) = table.and_then(elements_of) else {
                self.forget(name);
                continue;
            };
            let held = matches!(flight.prior.of(name), Holding::Holds(_));
            if self.learn(name) || !held {
                self.release.insert(name.clone());
                resend(ledger.state_mut(TypeUrl::VIRTUAL_HOST), &elements.children);
            }
        }
        // Envoy ignores the removal of a table and uses it until its listener has drained. Then it unsubscribes.
        for name in &*flight.gone {
            self.release.remove(name);
        }
    }
}

fn resend(state: &mut TypeState, hosts: &ResourceSet) {
    if !state.requested {
        return;
    }
    for name in hosts.keys() {
        let held = state.holding(name);
        if held.exists() {
            state.deviate(name, held.doubted(), false);
        }
    }
}

impl Rules for Hosts {
    fn concerns(&self, _: &Types, type_url: TypeUrl) -> bool {
        Self::TYPES.contains(&type_url)
    }

    /// All published hosts as long as the client has asked for no table.
    fn current(&mut self, ledger: &Ledger, type_url: TypeUrl) -> Option<ResourceSet> {
        if type_url != TypeUrl::VIRTUAL_HOST || !ledger.takes(type_url) {
            return None;
        }
        let all = ledger.published(type_url);
        if !ledger.state(TypeUrl::ROUTE_CONFIGURATION).requested {
            return Some(all.clone());
        }
        Some(self.hosts(&ledger.publication, all, ledger.state(type_url)))
    }

    /// A name for each new table without hosts, whose removal tells the client that there are none.
    fn released(&self, ledger: &Ledger, type_url: TypeUrl, hosts: &ResourceSet) -> Vec<ResourceName> {
        if type_url != TypeUrl::VIRTUAL_HOST {
            return Vec::new();
        }
        let has_host =
            |table: &str| hosts_of(hosts, table).any(|(_, host)| !ledger.is_rejected(type_url, host));
        let empty = self.release.iter().filter(|table| !has_host(table));
        empty.map(|table| format!("{table}/-").into()).collect()
    }

    /// Tables that the client holds in the current parent form are known, with their hosts.
    fn on_begin(
        &mut self,
        ledger: &mut Ledger,
        type_url: TypeUrl,
        beginning: &Beginning<'_>,
    ) -> BTreeSet<ResourceName> {
        if type_url == TypeUrl::ROUTE_CONFIGURATION && ledger.takes(TypeUrl::VIRTUAL_HOST) {
            for (name, parent) in ledger.published(type_url) {
                let version = beginning.versions.get(&**name);
                if version.is_some_and(|version| *version == parent.digest.to_string()) {
                    self.learn(name);
                }
            }
        }
        BTreeSet::new()
    }

    fn on_leave(&mut self, type_url: TypeUrl, name: &ResourceName) {
        if type_url == TypeUrl::ROUTE_CONFIGURATION {
            self.forget(name);
        }
    }

    fn on_sent(&mut self, ledger: &mut Ledger, type_url: TypeUrl, flight: &Flight) {
        match type_url {
            TypeUrl::ROUTE_CONFIGURATION if ledger.takes(TypeUrl::VIRTUAL_HOST) => {
                self.tables_sent(ledger, flight);
            }
            TypeUrl::VIRTUAL_HOST => self.release.clear(),
            _ => {}
        }
    }
}

/// The tables that have hosts, by the prefixes of the hosts' names.
fn tables_of(hosts: &ResourceSet) -> Vec<String> {
    let mut tables = Vec::new();
    let mut from = String::new();
    while let Some((name, _)) = from_name(hosts, &from).next() {
        let table = name.split_once('/').map_or(&**name, |(table, _)| table);
        let next = bounds(table).1;
        // A name without a slash is not a host's; its successor skips it.
        from = if next.as_str() > &**name { next } else { format!("{name}\0") };
        tables.push(table.to_owned());
    }
    tables
}

/// The hosts of a table that the client holds.
fn held_of<'a>(state: &'a TypeState, table: &str) -> impl Iterator<Item = &'a EncodedResource> {
    let (from, to) = bounds(table);
    let unchanged = hosts_of(&state.root, table).filter(|(name, _)| !state.deviations.contains_key(*name));
    let deviating = state.deviations.range::<str, _>((Bound::Included(&*from), Bound::Excluded(&*to)));
    let deviating = deviating.filter_map(|(_, deviation)| deviation.holding.known());
    unchanged.map(|(_, host)| host).chain(deviating)
}

/// The hosts whose name begins with that of the table.
fn hosts_of<'a>(
    hosts: &'a ResourceSet,
    table: &str,
) -> impl Iterator<Item = (&'a ResourceName, &'a EncodedResource)> + use<'a> {
    let (from, to) = bounds(table);
    from_name(hosts, &from).take_while(move |(name, _)| ***name < *to)
}

fn from_name<'a>(
    hosts: &'a ResourceSet,
    from: &str,
) -> impl Iterator<Item = (&'a ResourceName, &'a EncodedResource)> + use<'a> {
    hosts.range::<_, str>((Bound::Included(from), Bound::Unbounded))
}

/// The range of names of a table's hosts, its end exclusive (`0` follows `/`).
fn bounds(table: &str) -> (String, String) {
    (format!("{table}/"), format!("{table}0"))
}
