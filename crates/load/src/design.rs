//! The design scale: 10,000 services, 100,000 endpoints, 5,000 scoped clients.

use fairlead_testkit::{ads::Protocol, meshgen::MeshSpec};

use crate::{
    report::{Row, at_most, figure},
    rig::{Kind, Rig},
    scenarios::{self, row, word},
    settings::{Failure, Settings},
};

/// Measures the budgets of the architecture page that are visible from outside. The time from a change to its
/// publications is the server's own figure; the budget of memory is the sum of the rows for such a mesh without
/// clients.
pub(crate) async fn run(settings: &Settings) -> Result<Vec<Row>, Failure> {
    let protocol = if settings.sotw { Protocol::Sotw } else { Protocol::Delta };
    let (services, clients) = (settings.services.unwrap_or(10_000), settings.clients.unwrap_or(5000));
    let spec = MeshSpec {
        namespaces: 100,
        endpoints_per_service: 10,
        sidecar_services: 500.min(services),
        ..scenarios::mesh(services)
    };
    let setting = format!(
        "{services} services, {} endpoints, {clients} clients with 500 each, {}",
        services * 10,
        word(protocol)
    );
    let mut rows = Vec::new();
    let mut loaded = row("design scale, loaded", setting.clone(), "", Vec::new());
    let mut rig = Rig::new(settings, spec, Kind::Sidecars, protocol).await?;
    rig.loaded(&mut loaded)?;
    rows.push(loaded.tell());
    let mut sync = row("design scale, first sync", setting.clone(), "", Vec::new());
    rig.sync(clients, &mut sync).await?;
    rows.push(sync.tell());
    for (mut row, budget_ms) in [
        (scenarios::endpoint(&rig, &setting).await?, Some(5.0)),
        (scenarios::weight(&rig, &setting).await?, Some(15.0)),
        (scenarios::pool(&rig, &setting).await?, None),
    ] {
        row.istiod.clear();
        row.goals = budget_ms.map(|budget| at_most(figure::ROUND_MS, budget)).into_iter().collect();
        row.scenario = format!("design scale, {}", row.scenario);
        rows.push(row.tell());
    }
    Ok(rows)
}
