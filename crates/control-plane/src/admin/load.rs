//! `/debug/loadz`: the load that proxies have reported (LRS).

use axum::{Json, extract::State as Extract};
use serde_json::{Value, json};

use super::state::State;

pub(super) async fn loadz(Extract(state): Extract<State>) -> Json<Value> {
    let loads = state.sessions.loads();
    let lines: Vec<_> = loads
        .snapshot()
        .into_iter()
        .map(|((cluster, locality), load)| {
            json!({
                "cluster": cluster, "region": locality.region, "zone": locality.zone, "subZone": locality.sub_zone,
                "issued": load.issued, "successful": load.successful, "errors": load.errors,
                "inProgress": load.in_progress,
            })
        })
        .collect();
    Json(json!({
        "clients": loads.clients(), "reports": loads.reports(), "leftOut": loads.left_out(), "loads": lines,
    }))
}
