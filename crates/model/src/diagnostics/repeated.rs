//! Findings about address ranges that would repeat too many server names.
//!
//! Envoy matches the address of a connection before its server name and never backtracks, so a listener repeats all
//! other names within each such range, up to a limit; ranges beyond it are left out. `translate::listeners::ranges`
//! decides that for what each proxy sees; here one object is checked against the whole mesh.

use std::{collections::BTreeSet, sync::Arc};

use fairlead_config::{Code, Config, ConfigKey, Diagnostics, FieldPath, LabelSet, api};
use fairlead_incremental::{Index, Query, Reader, Stratum};
use ipnet::IpNet;

use super::meeting::GatewaysBySelector;
use crate::{
    Host, Service,
    gateway::{Gateway, GatewayListenerKind, ResolvedGateway},
    input::ServiceEntries,
    service::{ServiceAddress, ServicesOf},
    service_entry, strata,
};

/// Maximum number of names repeated within the ranges of a listener. Ranges beyond it, the last first, are left out of
/// the chains that match on them, so that they take no connections from others.
pub const MOST_REPEATED: usize = 1 << 16;

/// ServiceEntries by their TLS ports. Not registered: built for the first object with ranges.
#[derive(Debug)]
struct ServiceEntriesOfTlsPort;

impl Index for ServiceEntriesOfTlsPort {
    type Input = ServiceEntries;
    type Bucket = u16;
    const NAME: &'static str = "service entries by ports of tls";

    fn buckets(_: &ConfigKey, entry: &Config<api::ServiceEntrySpec>) -> Vec<u16> {
        let Some(host) = entry.spec.hosts.first() else { return Vec::new() };
        let ports = service_entry::ports(&entry.spec.ports, &Host::new(host));
        ports.iter().filter(|port| port.protocol.is_tls()).map(|port| port.number).collect()
    }
}

/// Where connections are told apart by server name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum NamesOf {
    /// The listener of a port that services share.
    Mesh(u16),
    /// The listener of a port of gateways with this selector.
    Gateways(LabelSet, u16),
}

/// How many server names there are at a place.
#[derive(Debug)]
pub(super) struct NamesAt;

impl Query for NamesAt {
    type Key = NamesOf;
    type Value = usize;
    const NAME: &'static str = "number of server names";
    const STRATUM: Stratum = strata::BINDING;

    fn compute(cx: &Reader<'_>, place: &NamesOf) -> usize {
        match place {
            NamesOf::Mesh(port) => {
                let entries = cx.index::<ServiceEntriesOfTlsPort>(port);
                entries.iter().map(|entry| cx.get::<ServicesOf>(entry).len()).sum()
            }
            NamesOf::Gateways(selector, port) => {
                let gateways = cx.index::<GatewaysBySelector>(selector);
                let gateways = gateways.iter().filter_map(|key| (*cx.get::<ResolvedGateway>(key)).clone());
                let of_gateway = |gateway: Arc<Gateway>| -> usize {
                    let servers = gateway.servers.iter().filter(|server| server.port == *port);
                    let servers = servers.filter(|server| server.kind() == GatewayListenerKind::Tls);
                    servers.map(|server| server.hosts.len()).sum()
                };
                gateways.map(of_gateway).sum()
            }
        }
    }
}

/// Reports ranges that would repeat too many names of a port.
pub(super) fn check(
    ranges: &BTreeSet<IpNet>,
    names: usize,
    port: u16,
    path: FieldPath,
    diagnostics: &mut Diagnostics,
) {
    let most = MOST_REPEATED / names.max(1);
    if ranges.len() <= most {
        return;
    }
    let message = format!(
        "port {port} has {names} server names, which a proxy that has all of them repeats within each of these {} \
         ranges: more than {MOST_REPEATED} in all, so about {} of the ranges are left out, the last ones",
        ranges.len(),
        ranges.len() - most
    );
    let finding = diagnostics.warn(Code::TooManyRanges, path, message);
    finding.help("use fewer and wider ranges, or a port of their own");
}

/// The address ranges of a service.
pub(super) fn ranges_of(service: &Service) -> BTreeSet<IpNet> {
    let range = |address: &ServiceAddress| match address {
        ServiceAddress::Range(range) => Some(range.trunc()),
        ServiceAddress::Ip(_) => None,
    };
    service.addresses.iter().filter_map(range).collect()
}
