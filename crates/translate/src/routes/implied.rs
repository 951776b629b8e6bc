//! The route tables that the ports of services imply, for a listener without a port of its own.
//!
//! Hosts claim domains in order, and the first to claim one in a table keeps it, so the domains of a host depend on the
//! earlier hosts that share one with it, its *rivals*. All domains of a name begin with its first label, and the domain
//! of an address is the address: that is how rivals are found.
//!
//! There is one algorithm, an edit: it applies hosts that come and go to existing tables. A plan from scratch edits an
//! empty set of tables, to which every host is added.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
};

use fairlead_incremental::{Distance, few_changed_keys, is_few};
use fairlead_model::{
    Host,
    endpoints::PodAddresses,
    scope::{ScopeHost, ScopeListener},
};
use imbl::{OrdMap, OrdSet};

use super::{
    domains::ClaimedDomains,
    plan::{CatchAll, HostIndex, PlanInputs, Table, Tables},
    planner::{Planner, Rank, rank},
};
use crate::{
    names,
    view::{RouteView, VirtualHostKey},
};

/// The tables of a view.
#[derive(Clone, Copy)]
pub(super) struct TablesOf<'a> {
    pub(super) tables: &'a Tables,
    pub(super) view: &'a RouteView,
}

/// Tables that can be edited, and the hosts whose entries in them may be out of date.
struct Before<'a> {
    tables: &'a Tables,
    view: &'a RouteView,
    inputs: &'a PlanInputs,
    listener: &'a ScopeListener,
    changed: BTreeSet<Host>,
    /// The distance from the base's tables after the edit.
    distance: Option<Distance<Host>>,
}

impl<'a> Before<'a> {
    /// The base's tables or the previous ones, whichever cost less in the long run.
    fn choose(
        previous: Option<&'a Tables>,
        base: Option<TablesOf<'a>>,
        planner: &'a Planner<'_>,
        listener: &ScopeListener,
    ) -> Option<Self> {
        let previous = previous.map(|tables| TablesOf { tables, view: planner.view });
        let mut previous = previous.and_then(|previous| Self::of(previous, planner, listener));
        let Some(base) = base else { return previous };
        let distinct = match &mut previous {
            None => {
                let all = listener.hosts.iter().filter(|(_, host)| planner.differs_from_base(host));
                Some(all.map(|(host, _)| host.clone()).collect())
            }
            Some(Self { inputs, changed, distance, .. }) => inputs.distance.as_ref().and_then(|was| {
                *distance = Some(was.with(changed));
                was.is_far(changed).then(|| was.keys().chain(&*changed).cloned().collect())
            }),
        };
        let of_base =
            distinct.and_then(|distinct| Self::of(base, planner, listener)?.with(distinct, listener));
        of_base.or(previous)
    }

    /// `None` if more than a few hosts may have other entries.
    fn of(of: TablesOf<'a>, planner: &Planner<'_>, listener: &ScopeListener) -> Option<Self> {
        let TablesOf { tables, view } = of;
        let inputs = tables.inputs.as_ref()?;
        let old = inputs.scope.only_listener()?;
        if inputs.scope.outbound_policy != planner.scope.outbound_policy
            || (&old.bind, old.capture) != (&listener.bind, listener.capture)
        {
            return None;
        }
        let mut changed: BTreeSet<Host> =
            few_changed_keys(&old.hosts, &listener.hosts)?.into_iter().collect();
        let pods = planner.pods.changed_since(&inputs.pods, listener.hosts.len())?;
        changed.extend(pods.into_iter().map(|address| address.service.host));
        Self { tables, view, inputs, listener: old, changed, distance: None }.if_narrow()
    }

    /// Tables of the base, for a view that also has other entries for the hosts that are `distinct`.
    fn with(mut self, distinct: BTreeSet<Host>, listener: &ScopeListener) -> Option<Self> {
        self.changed.extend(distinct);
        self.distance = Some(Distance::new(self.changed.clone()));
        self.if_narrow().filter(|before| is_few(before.changed.len(), listener.hosts.len()))
    }

    /// A wildcard may share domains with any other host.
    fn if_narrow(self) -> Option<Self> {
        let is_narrow = !self.changed.iter().any(Host::is_wildcard);
        is_narrow.then_some(self)
    }
}

/// The tables of `listener`, edited out of those of the `base` or the `previous` ones where that is possible.
pub(super) fn tables(
    previous: Option<&Tables>,
    base: Option<TablesOf<'_>>,
    planner: &Planner<'_>,
    listener: &ScopeListener,
) -> Tables {
    let before = Before::choose(previous, base, planner, listener);
    let old_planner =
        before.as_ref().map(|b| Planner { view: b.view, scope: &b.inputs.scope, pods: &b.inputs.pods });
    let old = before.as_ref().zip(old_planner.as_ref()).map(|(before, planner)| Hosts {
        planner,
        listener: before.listener,
        addresses: &before.inputs.index.addresses,
    });
    let mut edit = Edit {
        tables: before.as_ref().map(|before| before.tables.tables.clone()).unwrap_or_default(),
        index: before.as_ref().map(|before| before.inputs.index.clone()).unwrap_or_default(),
        added: BTreeSet::new(),
    };
    let changed = match &before {
        Some(before) => before.changed.clone(),
        None => listener.hosts.keys().cloned().collect(),
    };
    for host in &changed {
        let was = old.as_ref().and_then(|old| Some((old.planner, old.listener.hosts.get(host)?)));
        edit.host(was, listener.hosts.get(host), planner, listener);
    }
    let mut touched: BTreeSet<Host> = edit.alternatives_of_added().collect();
    touched.extend(old.iter().flat_map(|old| old.with_rivals(&changed)));
    let Edit { mut tables, index, .. } = edit;
    let new = Hosts { planner, listener, addresses: &index.addresses };
    touched.append(&mut new.with_rivals(&changed));
    for (port, key) in old.iter().flat_map(|old| old.entries(&touched)) {
        if let Some(table) = tables.get_mut(&names::port_route(port)) {
            table.hosts.remove(&key);
        }
    }
    for (port, key) in new.entries(&touched) {
        if let Some(table) = tables.get_mut(&names::port_route(port)) {
            if key.domains.iter().any(|domain| **domain == *"*") {
                table.catch_all = CatchAll::None;
            }
            table.hosts.insert(key);
        }
    }
    let distance = before.and_then(|before| before.distance);
    let inputs = PlanInputs { scope: planner.scope.clone(), pods: planner.pods.clone(), index, distance };
    Tables { tables, inputs: Some(inputs) }
}

struct Edit {
    tables: OrdMap<Arc<str>, Table>,
    index: HostIndex,
    /// The ports whose shared tables are new.
    added: BTreeSet<u16>,
}

impl Edit {
    /// Applies the change of a host to the index, to the tables of its own, and to the set of shared tables.
    fn host(
        &mut self,
        was: Option<(&Planner<'_>, &ScopeHost)>,
        is: Option<&ScopeHost>,
        planner: &Planner<'_>,
        listener: &ScopeListener,
    ) {
        let mut old_ports = BTreeSet::new();
        if let Some((planner, host)) = was {
            for ip in addresses(host, planner.pods) {
                self.index.addresses.remove(&(ip, host.binding.host.clone()));
            }
            for port in alternatives(host) {
                self.index.alternatives.remove(&(port, host.binding.host.clone()));
            }
            for (_, name) in planner.sniffed_tables(host, listener) {
                self.tables.remove(&name);
            }
            old_ports = planner.shared_ports(host, listener);
        }
        let mut new_ports = BTreeSet::new();
        if let Some(host) = is {
            let all = addresses(host, planner.pods);
            self.index.addresses.extend(all.map(|ip| (ip, host.binding.host.clone())));
            let ports = alternatives(host).into_iter();
            self.index.alternatives.extend(ports.map(|port| (port, host.binding.host.clone())));
            for (port, name) in planner.sniffed_tables(host, listener) {
                let table = planner.sniffed_table(&name, port, host);
                self.tables.insert(name, table);
            }
            new_ports = planner.shared_ports(host, listener);
        }
        for port in new_ports.difference(&old_ports) {
            let sharing = self.index.sharing.entry(*port).or_default();
            *sharing += 1;
            if *sharing == 1 {
                let table =
                    Table { hosts: OrdSet::new(), catch_all: planner.unknown(listener), by_port: false };
                self.tables.insert(names::port_route(*port), table);
                self.added.insert(*port);
            }
        }
        for port in old_ports.difference(&new_ports) {
            let sharing = self.index.sharing.entry(*port).or_default();
            *sharing = sharing.saturating_sub(1);
            if *sharing == 0 {
                self.index.sharing.remove(port);
                self.tables.remove(&names::port_route(*port));
            }
        }
    }

    /// The hosts without a service that may be in a new table.
    fn alternatives_of_added(&self) -> impl Iterator<Item = Host> {
        self.added.iter().flat_map(|port| {
            let from_there = self.index.alternatives.range((*port, Host::new(""))..);
            from_there.take_while(move |(at, _)| at == port).map(|(_, host)| host.clone())
        })
    }
}

/// The ports in whose tables a host without a service may be.
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

/// The hosts of a listener as they are, or were.
struct Hosts<'a> {
    planner: &'a Planner<'a>,
    listener: &'a ScopeListener,
    addresses: &'a OrdSet<(IpAddr, Host)>,
}

impl Hosts<'_> {
    /// The entries of these hosts in the shared tables, by port.
    fn entries(&self, hosts: &BTreeSet<Host>) -> Vec<(u16, VirtualHostKey)> {
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
                let key = planner.entry(&names::port_route(port), port, host, self.listener, claimed);
                entries.extend(key.filter(|_| hosts.contains(&host.binding.host)).map(|key| (port, key)));
            }
        }
        entries
    }

    /// These hosts, and others that may share a domain with one of them: all that do, and a few that do not.
    ///
    /// Each label and address is looked up once, however many of the hosts share it.
    fn with_rivals(&self, hosts: &BTreeSet<Host>) -> BTreeSet<Host> {
        let mut all = hosts.clone();
        if hosts.len() >= self.listener.hosts.len() && self.listener.hosts.keys().all(|h| hosts.contains(h)) {
            return all;
        }
        let mut labels: BTreeSet<&str> = hosts.iter().map(first_label).collect();
        let known: Vec<&ScopeHost> = hosts.iter().filter_map(|host| self.listener.hosts.get(host)).collect();
        let aliases = known.iter().flat_map(|known| known.binding.aliases.iter());
        labels.extend(aliases.map(first_label));
        let ips: BTreeSet<IpAddr> =
            known.iter().flat_map(|known| addresses(known, self.planner.pods)).collect();
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
        let scope_aliases = &self.planner.scope.aliases;
        for name in [label.to_owned(), format!("*.{label}")] {
            let (exact, longer) = (Host::new(&name), Host::new(&format!("{name}.")));
            all.extend(self.listener.hosts.get_key_value(&exact).map(|(host, _)| host.clone()));
            let below = self.listener.hosts.range(longer.clone()..).map(|(host, _)| host);
            all.extend(below.take_while(|host| host.as_str().starts_with(longer.as_str())).cloned());
            let start = scope_aliases.partition_point(|(alias, _)| *alias < exact);
            let below = scope_aliases[start..].iter();
            let alike = below.take_while(|(alias, _)| alias.as_str().starts_with(&name));
            all.extend(alike.map(|(_, target)| target.clone()));
        }
    }
}

/// The place of a host among those that are given domains.
fn place(host: &ScopeHost) -> (Rank, &Host) {
    (rank(host), &host.binding.host)
}

/// The first label of a name without its wildcard: all domains of the name begin with it.
fn first_label(host: &Host) -> &str {
    let mut name = host.as_str();
    while let Some(rest) = name.strip_prefix("*.") {
        name = rest;
    }
    name.split('.').next().unwrap_or_default()
}
