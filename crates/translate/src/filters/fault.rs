//! Injected delays and aborts (`http[].fault`): in every chain, and configured by routes.

use envoy_types::pb::envoy::{
    config::route::v3::Route, extensions::filters::network::http_connection_manager::v3::HttpFilter,
};
use fairlead_envoy::{
    extension::FAULT,
    http::filter::{Abort, AbortStatus as EnvoyStatus, Delay, PerFilterConfig, fault, http_fault},
};
use fairlead_model::routes::{AbortStatus, Fault as Injected};

use super::filter::{ChainInputs, Filter, RouteInputs};
use crate::values::percent;

pub(super) struct Fault;

impl Filter for Fault {
    fn in_chain(&self, _: &ChainInputs) -> Option<HttpFilter> {
        Some(fault())
    }

    fn on_route(&self, inputs: &RouteInputs<'_>, route: &mut Route) {
        if let Some(fault) = &inputs.route.fault {
            route.configure_filter(FAULT, &http_fault(delay(fault), abort(fault)));
        }
    }
}

fn delay(fault: &Injected) -> Option<Delay> {
    fault.delay.map(|(duration, share)| Delay { duration, percentage: percent(share) })
}

fn abort(fault: &Injected) -> Option<Abort> {
    fault.abort.map(|(status, share)| Abort {
        status: match status {
            AbortStatus::Http(status) => EnvoyStatus::Http(status),
            AbortStatus::Grpc(status) => EnvoyStatus::Grpc(status),
        },
        percentage: percent(share),
    })
}
