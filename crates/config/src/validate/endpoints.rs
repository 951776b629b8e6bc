//! Rules for `Endpoints` that the API server has too.

use fairlead_api::Endpoints;

use crate::{Diagnostics, FieldPath};

use super::{address, endpoint_slice};

pub(super) fn check(endpoints: &Endpoints, found: &mut Diagnostics) {
    for (index, subset) in endpoints.subsets.iter().enumerate() {
        let path = FieldPath::root().field("subsets").index(index);
        for (field, addresses) in
            [("addresses", &subset.addresses), ("notReadyAddresses", &subset.not_ready_addresses)]
        {
            for (index, endpoint) in addresses.iter().enumerate() {
                address::address(&endpoint.ip, path.clone().field(field).index(index).field("ip"), found);
            }
        }
        endpoint_slice::ports(&subset.ports, &path.field("ports"), found);
    }
}
