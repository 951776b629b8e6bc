//! The route tables of a sidecar brought up to date: what hosts that come and go change in them, and nothing else.
//!
//! It must come to what [`Planner::plan`] comes to. That goes through the hosts in order, and the first to have a
//! domain in a table is given it; so what a host has depends on those before it with which it shares a domain, its
//! *rivals*. All domains of a name begin with the first label of it, and those of an address are the address: that
//! is how rivals are found.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
};

use fairlead_incremental::few_changed_keys;
use fairlead_model::{
    Host,
    endpoints::PodAddresses,
    scope::{EgressScope, Scope, ScopeHost, ScopeListener},
};
use imbl::{OrdMap, OrdSet};

use super::{
    domains::ClaimedDomains,
    outbound::{Planner, Rank, rank},
    plan::{Table, Tables},
};
use crate::names;

/// So many Pods of headless Services may come or go at once in the smallest mesh.
const FEW_PODS: usize = 16;

/// What the tables of a sidecar were made of, which sees all services by a listener without a port.
#[derive(Clone, Debug)]
pub(super) struct Made {
    scope: Arc<Scope>,
    /// How many services share the table of each port.
    sharing: BTreeMap<u16, usize>,
    /// How many hosts that are no service may be in the table of each port, where there is one.
    alternatives: BTreeMap<u16, usize>,
    /// The hosts by their addresses and those of their Pods.
    addresses: OrdSet<(IpAddr, Host)>,
    pods: PodAddresses,
}

impl Made {
    /// `None` where the tables cannot be edited.
    pub(super) fn of(scope: &Arc<Scope>, planner: &Planner<'_>) -> Option<Self> {
        let listener = scope.only_listener().filter(|_| !planner.explicit_proxy)?;
        let mut made = Self {
            scope: scope.clone(),
            sharing: BTreeMap::new(),
            alternatives: BTreeMap::new(),
            addresses: OrdSet::new(),
            pods: planner.pods.clone(),
        };
        for host in listener.hosts.values() {
            for port in alternatives(host) {
                *made.alternatives.entry(port).or_default() += 1;
            }
            for port in planner.shared_ports(host, listener) {
                *made.sharing.entry(port).or_default() += 1;
            }
            let all = addresses(host, planner.pods);
            made.addresses.extend(all.map(|ip| (ip, host.binding.host.clone())));
        }
        Some(made)
    }
}

/// The ports in whose tables a host may be that is no service.
fn alternatives(host: &ScopeHost) -> BTreeSet<u16> {
    if host.service.is_some() { BTreeSet::new() } else { host.alternative_ports() }
}

/// The addresses that a host is known by.
fn addresses<'a>(host: &'a ScopeHost, pods: &'a PodAddresses) -> impl Iterator<Item = IpAddr> + 'a {
    let headless = host.service.iter().filter(|service| service.headless);
    let pods =
        headless.flat_map(|service| service.ports.iter().flat_map(|port| pods.of(&service.key, port.number)));
    let own = host.service.iter().flat_map(|service| service.ips());
    own.chain(pods).chain(host.binding.host.as_str().parse().ok())
}

/// The tables that `planner` makes of `scope`, given those that it made of another scope; `None` where it takes a
/// plan from scratch.
pub(super) fn update(before: &Tables, planner: &Planner<'_>, scope: &Arc<Scope>) -> Option<Tables> {
    let made = before.made.as_ref().filter(|_| !planner.explicit_proxy)?;
    let (old, new) = (made.scope.only_listener()?, scope.only_listener()?);
    if made.scope.outbound_policy != scope.outbound_policy
        || (&old.bind, old.capture) != (&new.bind, new.capture)
    {
        return None;
    }
    let mut changed = few_changed_keys(&old.hosts, &new.hosts)?;
    let pods = planner.pods.changed_since(&made.pods, new.hosts.len().max(FEW_PODS))?;
    changed.extend(pods.into_iter().map(|address| address.service.host));
    changed.sort();
    changed.dedup();
    // A wildcard may share domains with any other host.
    if changed.iter().any(Host::is_wildcard) {
        return None;
    }
    let before_planner = Planner { pods: &made.pods, ..*planner };
    let mut edit = Edit {
        before: &before_planner,
        planner,
        tables: before.tables.clone(),
        made: Made { scope: scope.clone(), pods: planner.pods.clone(), ..made.clone() },
        listener: new,
    };
    for host in &changed {
        edit.count(old.hosts.get(host), new.hosts.get(host))?;
    }
    let old =
        State { planner: &before_planner, scope: &made.scope, listener: old, addresses: &made.addresses };
    let new = State { planner, scope, listener: new, addresses: &edit.made.addresses };
    let changed: BTreeSet<Host> = changed.into_iter().collect();
    let mut touched = old.with_rivals(&changed);
    touched.append(&mut new.with_rivals(&changed));
    for (port, key) in old.entries(&touched) {
        if let Some(table) = edit.tables.get_mut(&names::port_route(port)) {
            table.hosts.remove(&key);
        }
    }
    for (port, key) in new.entries(&touched) {
        if let Some(table) = edit.tables.get_mut(&names::port_route(port)) {
            table.hosts.insert(key);
        }
    }
    Some(Tables { tables: edit.tables, made: Some(edit.made) })
}

struct Edit<'a> {
    /// What the tables were planned by.
    before: &'a Planner<'a>,
    planner: &'a Planner<'a>,
    tables: OrdMap<Arc<str>, Table>,
    made: Made,
    listener: &'a ScopeListener,
}

impl Edit<'_> {
    /// Takes up a host that has changed: its addresses, the tables that it has alone, and which shared tables there
    /// are.
    fn count(&mut self, old: Option<&ScopeHost>, new: Option<&ScopeHost>) -> Option<()> {
        if let Some(host) = old {
            for ip in addresses(host, self.before.pods) {
                self.made.addresses.remove(&(ip, host.binding.host.clone()));
            }
            for port in alternatives(host) {
                let alternatives = self.made.alternatives.entry(port).or_default();
                *alternatives = alternatives.saturating_sub(1);
            }
            for (_, name) in self.before.sniffed_tables(host, self.listener) {
                self.tables.remove(&name);
            }
        }
        if let Some(host) = new {
            let all = addresses(host, self.planner.pods);
            self.made.addresses.extend(all.map(|ip| (ip, host.binding.host.clone())));
            for port in alternatives(host) {
                *self.made.alternatives.entry(port).or_default() += 1;
            }
            for (port, name) in self.planner.sniffed_tables(host, self.listener) {
                let table = self.planner.sniffed_table(&name, port, host);
                self.tables.insert(name, table);
            }
        }
        let ports = |host: Option<&ScopeHost>| {
            host.map(|host| self.planner.shared_ports(host, self.listener)).unwrap_or_default()
        };
        let (old, new) = (ports(old), ports(new));
        for port in new.difference(&old) {
            let sharing = self.made.sharing.entry(*port).or_default();
            *sharing += 1;
            if *sharing == 1 {
                // Hosts that are no service, and have not changed, may be in the new table.
                if self.made.alternatives.get(port).is_some_and(|hosts| *hosts > 0) {
                    return None;
                }
                let catch_all = self.planner.unknown(self.listener);
                let table = Table { hosts: OrdSet::new(), catch_all, by_port: false };
                self.tables.insert(names::port_route(*port), table);
            }
        }
        for port in old.difference(&new) {
            let sharing = self.made.sharing.entry(*port).or_default();
            *sharing = sharing.saturating_sub(1);
            if *sharing == 0 {
                self.made.sharing.remove(port);
                self.tables.remove(&names::port_route(*port));
            }
        }
        Some(())
    }
}

/// Hosts as they are, or were.
struct State<'a> {
    planner: &'a Planner<'a>,
    scope: &'a EgressScope,
    listener: &'a ScopeListener,
    addresses: &'a OrdSet<(IpAddr, Host)>,
}

impl State<'_> {
    /// What the shared tables have of these hosts, by port.
    fn entries(&self, hosts: &BTreeSet<Host>) -> Vec<(u16, crate::view::VirtualHostKey)> {
        let planner = self.planner;
        let all = self.with_rivals(hosts);
        let mut in_order: Vec<&ScopeHost> =
            all.iter().filter_map(|host| self.listener.hosts.get(host)).collect();
        in_order.sort_by_key(|host| place(host));
        let mut claimed: BTreeMap<u16, ClaimedDomains> = BTreeMap::new();
        let mut entries = Vec::new();
        for host in in_order {
            let mut ports = planner.shared_ports(host, self.listener);
            ports.extend(alternatives(host));
            for port in ports.into_iter().filter(|port| planner.is_in_table(host, *port, self.listener)) {
                let claimed = claimed.entry(port).or_default();
                let domains = planner.domains_of_port(host, port, self.listener).into_iter();
                let free: Arc<[Arc<str>]> = domains.filter(|domain| claimed.claim(domain)).collect();
                if !free.is_empty() && hosts.contains(&host.binding.host) {
                    let table = names::port_route(port);
                    entries.push((port, planner.host_key_at(&table, port, host, free, self.listener)));
                }
            }
        }
        entries
    }

    /// These hosts, and the others that may have a domain in common with one of them; more than do, but few.
    ///
    /// Each label and address is looked up once, however many of the hosts meet there.
    fn with_rivals(&self, hosts: &BTreeSet<Host>) -> BTreeSet<Host> {
        let mut labels: BTreeSet<&str> = hosts.iter().map(first_label).collect();
        let known: Vec<&ScopeHost> = hosts.iter().filter_map(|host| self.listener.hosts.get(host)).collect();
        let aliases = known.iter().flat_map(|known| known.binding.aliases.iter());
        labels.extend(aliases.map(first_label));
        let ips: BTreeSet<IpAddr> =
            known.iter().flat_map(|known| addresses(known, self.planner.pods)).collect();
        let mut all = hosts.clone();
        for label in labels {
            self.with_label(label, &mut all);
        }
        for ip in ips {
            let at = self.addresses.range((ip, Host::new(""))..).take_while(|(other, _)| *other == ip);
            all.extend(at.map(|(_, host)| host.clone()));
        }
        all
    }

    /// Adds the hosts that have a name with this first label.
    fn with_label(&self, label: &str, all: &mut BTreeSet<Host>) {
        for name in [label.to_owned(), format!("*.{label}")] {
            let (exact, longer) = (Host::new(&name), Host::new(&format!("{name}.")));
            all.extend(self.listener.hosts.get_key_value(&exact).map(|(host, _)| host.clone()));
            let below = self.listener.hosts.range(longer.clone()..).map(|(host, _)| host);
            all.extend(below.take_while(|host| host.as_str().starts_with(longer.as_str())).cloned());
            let start = self.scope.aliases.partition_point(|(alias, _)| *alias < exact);
            let below = self.scope.aliases[start..].iter();
            let alike = below.take_while(|(alias, _)| alias.as_str().starts_with(&name));
            all.extend(alike.map(|(_, target)| target.clone()));
        }
    }
}

/// The place of a host among those that are given domains.
fn place(host: &ScopeHost) -> (Rank, &Host) {
    (rank(host), &host.binding.host)
}

/// The first label of a name, below wildcards: that of all domains that the name gives.
fn first_label(host: &Host) -> &str {
    let mut name = host.as_str();
    while let Some(rest) = name.strip_prefix("*.") {
        name = rest;
    }
    name.split('.').next().unwrap_or_default()
}
