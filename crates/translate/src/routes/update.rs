//! The route tables of a sidecar brought up to date: what hosts that come and go change in them, and nothing else.
//!
//! It must come to what [`Planner::plan`] comes to. That goes through the hosts in order, those of ServiceEntries
//! last, and the first to have a domain in a table is given it; so what a host has depends on those before it with
//! which it shares a domain, its *rivals*. All domains of a name begin with the first label of it, and those of an
//! address are the address: that is how rivals are found.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
};

use fairlead_incremental::few_changed_keys;
use fairlead_model::{
    Host,
    scope::{EgressScope, Scope, ScopeHost, ScopeListener},
};
use imbl::{OrdMap, OrdSet};

use super::{
    domains::ClaimedDomains,
    outbound::{HTTP_PORT, Planner, comes_later},
    plan::{Table, Tables},
};
use crate::names;

/// What the tables of a sidecar were made of, which sees all services by a listener without a port.
#[derive(Clone, Debug)]
pub(super) struct Made {
    scope: Arc<Scope>,
    /// How many services share the table of each port.
    sharing: BTreeMap<u16, usize>,
    /// The hosts by their addresses.
    addresses: OrdSet<(IpAddr, Host)>,
}

impl Made {
    /// `None` where the tables cannot be edited.
    pub(super) fn of(scope: &Arc<Scope>, planner: &Planner<'_>) -> Option<Self> {
        let listener = scope.only_listener().filter(|_| !planner.explicit_proxy)?;
        let mut made = Self { scope: scope.clone(), sharing: BTreeMap::new(), addresses: OrdSet::new() };
        for host in listener.hosts.values() {
            for port in planner.shared_ports(host, listener) {
                *made.sharing.entry(port).or_default() += 1;
            }
            made.addresses.extend(addresses(host).map(|ip| (ip, host.binding.host.clone())));
        }
        Some(made)
    }
}

/// The addresses that a host is known by.
fn addresses(host: &ScopeHost) -> impl Iterator<Item = IpAddr> + '_ {
    host.service.iter().flat_map(|service| service.ips()).chain(host.binding.host.as_str().parse().ok())
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
    let changed = few_changed_keys(&old.hosts, &new.hosts)?;
    // A wildcard may share domains with any other host.
    if changed.iter().any(Host::is_wildcard) {
        return None;
    }
    let mut edit = Edit {
        planner,
        tables: before.tables.clone(),
        made: Made { scope: scope.clone(), ..made.clone() },
        listener: new,
    };
    for host in &changed {
        edit.count(old.hosts.get(host), new.hosts.get(host))?;
    }
    let old = State { scope: &made.scope, listener: old, addresses: &made.addresses };
    let new = State { scope, listener: new, addresses: &edit.made.addresses };
    let mut touched: BTreeSet<Host> = changed.iter().cloned().collect();
    for host in &changed {
        touched.extend(old.rivals(host));
        touched.extend(new.rivals(host));
    }
    let (mut gone, mut come) = (Vec::new(), Vec::new());
    for host in &touched {
        gone.extend(old.entries(planner, host));
        come.extend(new.entries(planner, host));
    }
    for (port, key) in gone {
        if let Some(table) = edit.tables.get_mut(&names::port_route(port)) {
            table.hosts.remove(&key);
        }
    }
    for (port, key) in come {
        if let Some(table) = edit.tables.get_mut(&names::port_route(port)) {
            table.hosts.insert(key);
        }
    }
    Some(Tables { tables: edit.tables, made: Some(edit.made) })
}

struct Edit<'a> {
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
            for ip in addresses(host) {
                self.made.addresses.remove(&(ip, host.binding.host.clone()));
            }
            for (_, name) in self.planner.sniffed_tables(host, self.listener) {
                self.tables.remove(&name);
            }
        }
        if let Some(host) = new {
            self.made.addresses.extend(addresses(host).map(|ip| (ip, host.binding.host.clone())));
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
                // The hosts of VirtualServices that are no service are in this table, where there is one.
                if *port == HTTP_PORT {
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
                if *port == HTTP_PORT {
                    return None;
                }
                self.made.sharing.remove(port);
                self.tables.remove(&names::port_route(*port));
            }
        }
        Some(())
    }
}

/// Hosts as they are, or were.
struct State<'a> {
    scope: &'a EgressScope,
    listener: &'a ScopeListener,
    addresses: &'a OrdSet<(IpAddr, Host)>,
}

impl State<'_> {
    /// What the shared tables have of a host, by port.
    fn entries(&self, planner: &Planner<'_>, host: &Host) -> Vec<(u16, crate::view::VirtualHostKey)> {
        let Some(host) = self.listener.hosts.get(host) else { return Vec::new() };
        let mut ports = planner.shared_ports(host, self.listener);
        ports.insert(HTTP_PORT);
        let before: Vec<&ScopeHost> = self
            .rivals(&host.binding.host)
            .iter()
            .filter_map(|rival| self.listener.hosts.get(rival))
            .filter(|rival| place(rival) < place(host))
            .collect();
        let mut entries = Vec::new();
        for port in ports.into_iter().filter(|port| planner.is_in_table(host, *port, self.listener)) {
            let of_rivals = before.iter().filter(|rival| planner.is_in_table(rival, port, self.listener));
            let mut claimed = ClaimedDomains::default();
            for domain in of_rivals.flat_map(|rival| planner.domains(rival)) {
                claimed.claim(&domain);
            }
            let domains = planner.domains(host).into_iter();
            let free: Arc<[Arc<str>]> = domains.filter(|domain| claimed.claim(domain)).collect();
            if !free.is_empty() {
                entries.push((port, planner.host_key(&names::port_route(port), port, host, free)));
            }
        }
        entries
    }

    /// The other hosts that may have a domain in common with a host; more than do, but few.
    fn rivals(&self, host: &Host) -> BTreeSet<Host> {
        let mut rivals = BTreeSet::new();
        let known = self.listener.hosts.get(host);
        let aliases = known.iter().flat_map(|known| known.binding.aliases.iter());
        let labels: BTreeSet<&str> = std::iter::once(host).chain(aliases).map(first_label).collect();
        for label in labels {
            for name in [label.to_owned(), format!("*.{label}")] {
                let (exact, longer) = (Host::new(&name), Host::new(&format!("{name}.")));
                rivals.extend(self.listener.hosts.get_key_value(&exact).map(|(host, _)| host.clone()));
                let below = self.listener.hosts.range(longer.clone()..).map(|(host, _)| host);
                rivals.extend(below.take_while(|host| host.as_str().starts_with(longer.as_str())).cloned());
                let start = self.scope.aliases.partition_point(|(alias, _)| *alias < exact);
                let below = self.scope.aliases[start..].iter();
                let alike = below.take_while(|(alias, _)| alias.as_str().starts_with(&name));
                rivals.extend(alike.map(|(_, target)| target.clone()));
            }
        }
        for ip in known.iter().flat_map(|known| addresses(known)) {
            let at = self.addresses.range((ip, Host::new(""))..).take_while(|(other, _)| *other == ip);
            rivals.extend(at.map(|(_, host)| host.clone()));
        }
        rivals.remove(host);
        rivals
    }
}

/// The place of a host among those that are given domains.
fn place(host: &ScopeHost) -> (bool, &Host) {
    (comes_later(host), &host.binding.host)
}

/// The first label of a name, below wildcards: that of all domains that the name gives.
fn first_label(host: &Host) -> &str {
    let mut name = host.as_str();
    while let Some(rest) = name.strip_prefix("*.") {
        name = rest;
    }
    name.split('.').next().unwrap_or_default()
}
