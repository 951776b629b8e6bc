//! Checks the encoder of fragments with arbitrary messages: the parts must add up to the message.

use envoy_types::pb::envoy::config::{
    endpoint::v3::ClusterLoadAssignment,
    route::v3::{RouteConfiguration, VirtualHost},
};
use fairlead_resource::EncodedResource;
use prost::Message;

use crate::{
    collection::load_assignment,
    encode,
    fragment::{route_table, virtual_host},
};

/// Reads `data` as a load assignment and as a route table, divides each into its elements, and puts it together.
///
/// # Panics
/// If the parts are not the message, or encoding it twice gives different bytes: bugs.
pub fn fuzz_fragment(data: &[u8]) {
    if let Ok(assignment) = ClusterLoadAssignment::decode(data) {
        let first = load_assignment(&assignment);
        assert_eq!(encode(&read::<ClusterLoadAssignment>(&first)), encode(&assignment));
        // Decoded again, its maps are in another order.
        let again = ClusterLoadAssignment::decode(data).expect("it was decoded before");
        assert_eq!(first, load_assignment(&again));
    }
    if let Some(table) = table(data) {
        let first = divided(&table);
        assert_eq!(encode(&read::<RouteConfiguration>(&first)), encode(&table));
        check_elements(&first, &table);
        assert_same(&first, &divided(&self::table(data).expect("it was decoded before")));
    }
}

/// A route table as the translation may make one: no `/` in its name, hosts of different names, no VHDS.
fn table(data: &[u8]) -> Option<RouteConfiguration> {
    let mut table = RouteConfiguration::decode(data).ok()?;
    table.name = table.name.replace('/', "-");
    table.vhds = None;
    for (i, host) in table.virtual_hosts.iter_mut().enumerate() {
        // A table has its hosts in order of name.
        host.name = format!("{i:06}{}", host.name);
    }
    Some(table)
}

fn divided(table: &RouteConfiguration) -> EncodedResource {
    let host = |host: &VirtualHost| virtual_host(&table.name, host.clone());
    let hosts = table.virtual_hosts.iter().map(host).map(|host| (host.name.clone(), host)).collect();
    let head = RouteConfiguration { name: String::new(), virtual_hosts: Vec::new(), ..table.clone() };
    route_table(&table.name, &head, None, hosts)
}

/// The hosts that are resources of their own are those of the table.
fn check_elements(resource: &EncodedResource, table: &RouteConfiguration) {
    let children = resource.elements.iter().flat_map(|elements| elements.children.values());
    let hosts: Vec<VirtualHost> = children.map(read).collect();
    assert_eq!(hosts.len(), table.virtual_hosts.len());
    let mut found = Vec::new();
    for mut host in hosts {
        let alone = host.name.split_once('/').expect("a host is called after its table");
        assert_eq!(alone.0, table.name);
        host.name = alone.1.to_owned();
        found.push(encode(&host));
    }
    let mut wanted: Vec<_> = table.virtual_hosts.iter().map(encode).collect();
    found.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(found, wanted);
}

fn assert_same(a: &EncodedResource, b: &EncodedResource) {
    assert_eq!(a.digest, b.digest);
    assert_eq!(a.to_vec(), b.to_vec());
}

fn read<M: Message + Default>(resource: &EncodedResource) -> M {
    M::decode(&resource.to_vec()[..]).expect("what was encoded can be decoded")
}

#[cfg(test)]
mod tests;
