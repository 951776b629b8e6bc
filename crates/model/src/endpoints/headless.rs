//! The addresses at which clients reach headless Services: those of their Pods, which clients find by DNS.

use std::{net::IpAddr, sync::Arc};

use fairlead_config::{Config, ConfigKey, api};
use fairlead_incremental::{Collect, Index, Query, Reader, Stratum};
use imbl::{OrdMap, OrdSet, ordmap::DiffItem};

use super::{EndpointAddress, EndpointsOf};
use crate::{
    ServiceKey,
    input::Services,
    registry::ServiceByKey,
    service::{ServicesOf, is_headless},
    strata,
};

/// Headless Kubernetes Services, in the bucket `()`.
#[derive(Debug)]
pub struct HeadlessServices;

impl Index for HeadlessServices {
    type Input = Services;
    type Bucket = ();
    const NAME: &'static str = "headless services";

    fn buckets(_: &ConfigKey, service: &Config<api::ServiceSpec>) -> Vec<()> {
        if is_headless(&service.spec) { vec![()] } else { Vec::new() }
    }
}

/// An address at which clients reach a port of a headless service.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HeadlessAddress {
    /// The service.
    pub service: ServiceKey,
    /// The number of the Service's port.
    pub port: u16,
    /// The address of an endpoint that has the port.
    pub ip: IpAddr,
}

/// The addresses of one headless Service.
#[derive(Debug)]
pub struct AddressesOf;

impl Query for AddressesOf {
    type Key = ConfigKey;
    type Value = Arc<[HeadlessAddress]>;
    const NAME: &'static str = "addresses of headless service";
    const STRATUM: Stratum = Stratum(strata::ENDPOINTS.0 + 1);

    fn compute(cx: &Reader<'_>, key: &ConfigKey) -> Self::Value {
        let own = cx.get::<ServicesOf>(key);
        let service = own.first().and_then(|service| (*cx.get::<ServiceByKey>(&service.key)).clone());
        let Some(service) = service.filter(|service| service.headless) else { return Arc::default() };
        let endpoints = cx.get::<EndpointsOf>(&service.key);
        let mut addresses = Vec::new();
        for port in &service.ports {
            let of_port = endpoints.by_port.get(&port.number).into_iter().flat_map(|list| list.iter());
            // The client chooses the Pod, ready or not: there is no load balancing.
            addresses.extend(of_port.filter_map(|endpoint| match &endpoint.address {
                EndpointAddress::Ip(ip) if is_of_pod(*ip) => {
                    Some(HeadlessAddress { service: service.key.clone(), port: port.number, ip: *ip })
                }
                _ => None,
            }));
        }
        addresses.into()
    }
}

/// Whether a Pod may have the address. Kubernetes refuses others as endpoints; an unspecified one would take traffic
/// meant for others.
fn is_of_pod(ip: IpAddr) -> bool {
    !(ip.is_unspecified() || ip.is_loopback() || ip.is_multicast())
}

/// The addresses of all headless Services. A change of a Pod costs only the entries of its Service.
#[derive(Debug)]
pub struct HeadlessAddresses;

impl Collect for HeadlessAddresses {
    type Key = ();
    type Member = AddressesOf;
    type OutKey = HeadlessAddress;
    type OutValue = ();
    const NAME: &'static str = "addresses of headless services";
    const STRATUM: Stratum = strata::REGISTRY_INDEX;

    fn members(cx: &Reader<'_>, (): &()) -> OrdSet<ConfigKey> {
        cx.index::<HeadlessServices>(&())
    }

    fn entries(
        _: &ConfigKey,
        addresses: &Arc<[HeadlessAddress]>,
    ) -> impl IntoIterator<Item = (HeadlessAddress, ())> {
        addresses.iter().map(|address| (address.clone(), ()))
    }
}

/// Pods of headless Services that may come or go in one edit, in the smallest mesh.
const FEW_PODS: usize = 16;

/// The addresses of all headless Services, as [`HeadlessAddresses`] gives them.
#[derive(Clone, Debug, Default)]
pub struct PodAddresses(OrdMap<HeadlessAddress, ()>);

impl PodAddresses {
    /// The addresses as they are now.
    pub fn read(cx: &Reader<'_>) -> Self {
        Self(cx.collect::<HeadlessAddresses>(&()))
    }

    /// The addresses of one port of a service, sorted.
    pub fn of<'a>(&'a self, service: &'a ServiceKey, port: u16) -> impl Iterator<Item = IpAddr> + 'a {
        let first =
            HeadlessAddress { service: service.clone(), port, ip: std::net::Ipv4Addr::UNSPECIFIED.into() };
        let from_there = self.0.range(first..).map(|(address, ())| address);
        from_there
            .take_while(move |address| address.port == port && address.service == *service)
            .map(|address| address.ip)
    }

    /// Whether a port of a service is reached at an address.
    pub fn has(&self, service: &ServiceKey, port: u16, ip: IpAddr) -> bool {
        self.0.contains_key(&HeadlessAddress { service: service.clone(), port, ip })
    }

    /// The addresses added or removed since `before`; `None` if there are more than `hosts`, and more than a few.
    pub fn changed_since(&self, before: &Self, hosts: usize) -> Option<Vec<HeadlessAddress>> {
        let most = hosts.max(FEW_PODS);
        let mut changed = Vec::new();
        for item in before.0.diff(&self.0) {
            let (DiffItem::Add(address, ())
            | DiffItem::Update { new: (address, ()), .. }
            | DiffItem::Remove(address, ())) = item;
            if changed.len() >= most {
                return None;
            }
            changed.push(address.clone());
        }
        Some(changed)
    }
}
