//! Virtual hosts as resources of their own (VHDS).
//!
//! A client subscribes once to all hosts of all its tables. Hosts that come before their table are dropped, so
//! they follow it whenever it is new to the client; a table without hosts has to be told so.

use std::{collections::BTreeSet, ops::Bound};

use fairlead_resource::{EncodedResource, ResourceName, ResourceSet, TypeUrl};

use super::{
    Session,
    holdings::{Flight, Holding, TypeState},
};
use crate::{Publication, published::elements_of};

/// The route tables that a client holds in the form whose hosts come separately.
#[cfg_attr(test, derive(Clone))]
#[derive(Default)]
pub(crate) struct Tables {
    known: BTreeSet<ResourceName>,
    /// Tables that the client waits for: they are new, and their first host or their emptiness is due.
    pub(super) release: BTreeSet<ResourceName>,
    /// The last answer of `hosts`, after the tables that it was made of.
    cut: Option<(ResourceSet, ResourceSet)>,
}

impl Tables {
    /// The hosts that the client is to hold: of all those published, those of known tables. The hosts of a
    /// table that is no longer published stay with it as long as the client holds it.
    fn hosts(&mut self, published: &Publication, all: &ResourceSet, state: &TypeState) -> ResourceSet {
        let tables = published.set(TypeUrl::RouteConfiguration);
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

    /// Notes a table as held. Returns whether it is new.
    pub(super) fn learn(&mut self, table: &ResourceName) -> bool {
        let new = self.known.insert(table.clone());
        if new {
            self.cut = None;
        }
        new
    }

    /// Notes a table as not held.
    pub(super) fn forget(&mut self, table: &ResourceName) {
        self.release.remove(table);
        if self.known.remove(table) {
            self.cut = None;
        }
    }
}

impl Session {
    /// The virtual hosts that the client is to hold; all that are published as long as it has asked for no
    /// table.
    pub(super) fn current_hosts(&mut self) -> ResourceSet {
        let all = self.publication.form(TypeUrl::VirtualHost, self.options.elements);
        if !self.types[TypeUrl::RouteConfiguration as usize].requested {
            return all.clone();
        }
        let state = &self.types[TypeUrl::VirtualHost as usize];
        self.tables.hosts(&self.publication, all, state)
    }

    /// Accounts for a response with route tables: new ones are followed by their hosts.
    pub(super) fn tables_sent(&mut self, flight: &Flight) {
        if !self.options.elements.vhds {
            return;
        }
        let publication = self.publication.clone();
        for name in flight.carried.names() {
            let table = publication.set(TypeUrl::RouteConfiguration).get(name);
            let Some(elements) = table.and_then(elements_of) else {
                self.tables.forget(name);
                continue;
            };
            let held = matches!(flight.prior.of(name), Holding::Holds(_));
            if self.tables.learn(name) || !held {
                self.tables.release.insert(name.clone());
                self.resend_hosts(&elements.children);
            }
        }
        // Envoy passes over the removal of a table and uses it until its listener has drained. Then it unsubscribes.
        for name in &*flight.gone {
            self.tables.release.remove(name);
        }
    }

    fn resend_hosts(&mut self, hosts: &ResourceSet) {
        let state = self.state_mut(TypeUrl::VirtualHost);
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

    /// For each new table without a host to send: a name whose removal tells the client that there is none.
    pub(super) fn empty_tables(&self, type_url: TypeUrl, hosts: &ResourceSet) -> Vec<ResourceName> {
        if type_url != TypeUrl::VirtualHost {
            return Vec::new();
        }
        let has_host =
            |table: &str| hosts_of(hosts, table).any(|(_, host)| !self.is_rejected(type_url, host));
        let empty = self.tables.release.iter().filter(|table| !has_host(table));
        empty.map(|table| format!("{table}/-").into()).collect()
    }
}

/// The tables that have hosts, by the prefixes of the hosts' names.
fn tables_of(hosts: &ResourceSet) -> Vec<String> {
    let mut tables = Vec::new();
    let mut from = String::new();
    while let Some((name, _)) = from_name(hosts, &from).next() {
        let table = name.split_once('/').map_or(&**name, |(table, _)| table);
        let next = bounds(table).1;
        // A name without a slash is no host; it is passed over by its successor.
        from = if next.as_str() > &**name { next } else { format!("{name}\0") };
        tables.push(table.to_owned());
    }
    tables
}

/// The hosts of a table that the client has.
fn held_of<'a>(state: &'a TypeState, table: &str) -> impl Iterator<Item = &'a EncodedResource> {
    let (from, to) = bounds(table);
    let unchanged = hosts_of(&state.root, table).filter(|(name, _)| !state.odd.contains_key(*name));
    let deviating = state.odd.range::<str, _>((Bound::Included(&*from), Bound::Excluded(&*to)));
    let deviating = deviating.filter_map(|(_, odd)| odd.holding.known());
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

/// The first name of a table's hosts, and the first behind them (`0` follows `/`).
fn bounds(table: &str) -> (String, String) {
    (format!("{table}/"), format!("{table}0"))
}
