//! Where a request goes by a route table: the part of Envoy's routing that tests ask about.

use fairlead_model::proxy::ProxyKey;
use fairlead_resource::TypeUrl;
use serde_json::Value;

use crate::{
    json_walk::{items, text},
    mesh::Mesh,
};

impl Mesh {
    /// Where `proxy` sends a request for `/` of `host` by `table`: the cluster, `redirect`, or the status of a
    /// direct response; `404` where no host or no route takes it.
    ///
    /// Conditions on anything but the path fail the test: they are not evaluated here.
    pub(crate) fn request(&mut self, proxy: &ProxyKey, table: &str, host: &str) -> String {
        let table = self.resource(proxy, TypeUrl::ROUTE_CONFIGURATION, table);
        let Some(virtual_host) = virtual_host(&table, host) else { return "404".to_owned() };
        let matches = |route: &&Value| {
            let condition = &route["match"];
            assert!(items(&condition["headers"]).is_empty(), "{condition}");
            text(&condition["prefix"]) == "/" || text(&condition["path"]) == "/"
        };
        match items(&virtual_host["routes"]).iter().find(matches) {
            None => "404".to_owned(),
            Some(route) if route["redirect"].is_object() => "redirect".to_owned(),
            Some(route) if route["direct_response"].is_object() => {
                route["direct_response"]["status"].to_string()
            }
            Some(route) => text(&route["route"]["cluster"]).to_owned(),
        }
    }
}

/// The virtual host for a host: of its exact domain, else of the longest wildcard, else of `*`.
fn virtual_host<'a>(table: &'a Value, host: &str) -> Option<&'a Value> {
    let specificity = |domain: &str| match domain.strip_prefix('*') {
        None => (domain == host).then_some(usize::MAX),
        Some("") => Some(0),
        Some(suffix) => (host.len() > suffix.len() && host.ends_with(suffix)).then_some(suffix.len()),
    };
    let hosts = items(&table["virtual_hosts"]).iter();
    let of_host = |host: &'a Value| items(&host["domains"]).iter().map(move |domain| (text(domain), host));
    let claims = hosts.flat_map(of_host).filter_map(|(domain, host)| Some((specificity(domain)?, host)));
    claims.max_by_key(|(specificity, _)| *specificity).map(|(_, host)| host)
}
