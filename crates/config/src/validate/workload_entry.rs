//! Rules for `WorkloadEntry`, which is also an endpoint of a `ServiceEntry`.
//!
//! Spec: <https://istio.io/latest/docs/reference/config/networking/workload-entry/>

use fairlead_api::WorkloadEntrySpec;

use crate::{Code, Diagnostics, FieldPath};

use super::{
    address::{self, EndpointAddress},
    labels, locality, port,
};

pub(super) fn check(spec: &WorkloadEntrySpec, found: &mut Diagnostics) {
    check_entry(spec, &FieldPath::spec(), found);
}

/// Checks an entry; returns the type of its address.
pub(super) fn check_entry(
    spec: &WorkloadEntrySpec,
    path: &FieldPath,
    found: &mut Diagnostics,
) -> Option<EndpointAddress> {
    let at = |field: &'static str| path.clone().field(field);
    let text = spec.address.as_deref().unwrap_or_default();
    let mut address = None;
    if !text.is_empty() {
        address = address::endpoint(text, at("address"), found);
    } else if spec.network.is_none() {
        let text = "the workload has neither an address nor a network";
        found.error(Code::EmptyValue, path.clone(), text).help("write `address`");
    }
    if address == Some(EndpointAddress::UnixSocket) && !spec.ports.is_empty() {
        found.error(Code::BadAddress, at("ports"), "a Unix socket has no ports").help("remove `ports`");
    }
    for (name, number) in &spec.ports {
        let path = at("ports").key(name.clone());
        port::name(name, path.clone(), found);
        port::number(*number, path, found);
    }
    labels::check(&spec.labels, Code::BadLabel, &at("labels"), found);
    if let Some(text) = spec.locality.as_deref().filter(|text| !text.is_empty()) {
        locality::endpoint(text, at("locality"), found);
    }
    address
}
