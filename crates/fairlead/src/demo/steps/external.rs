//! A service that is not part of the mesh.

use fairlead_lab::client::Request;
use hyper::StatusCode;
use serde_json::json;

use super::walk::Walk;
use crate::demo::{
    mesh::{EXTERNAL_HOST, NAMESPACE},
    running::Condition,
};

/// An external service cannot be reached until a ServiceEntry declares it.
pub(super) async fn service_entry(walk: &mut Walk<'_>) -> anyhow::Result<()> {
    let external = walk.demo.external();
    let before = external.requests();
    let blocked = walk.demo.load(50, |_| Request::get("/quotes")).await.status(StatusCode::BAD_GATEWAY);
    walk.check(
        blocked == 50 && external.requests() == before,
        format!(
            "outboundTrafficPolicy REGISTRY_ONLY: {blocked} of 50 requests answered 502, none leaves the mesh"
        ),
        "all",
    )?;
    let address = external.address();
    let yaml = format!(
        "apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata:
  name: quotes
  namespace: {NAMESPACE}
spec:
  hosts:
  - {EXTERNAL_HOST}
  location: MESH_EXTERNAL
  resolution: STATIC
  ports:
  - number: {service}
    name: http
    protocol: HTTP
    targetPort: {port}
  endpoints:
  - address: {ip}
",
        service = walk.demo.mesh().ports.service(),
        port = address.port(),
        ip = address.ip(),
    );
    let name = walk.demo.cluster(EXTERNAL_HOST);
    let known = Condition::All(vec![
        Condition::Cluster { name: name.clone(), pointer: "/name", value: json!(name) },
        Condition::VirtualHost(EXTERNAL_HOST.to_owned()),
    ]);
    walk.apply("quotes.yaml", &yaml, known).await?;
    let report = walk.demo.load(50, |_| Request::get("/quotes")).await;
    let (fine, reached) = (report.status(StatusCode::OK), external.requests() - before);
    walk.sum_up(format!("{blocked} of 50 blocked before, {fine} of 50 answered after"));
    walk.check(fine == 50, format!("{fine} of 50 requests answered 200"), "all")?;
    walk.check(reached == 50, format!("{reached} of them counted by {EXTERNAL_HOST}"), "50")
}
