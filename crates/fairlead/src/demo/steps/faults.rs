//! Faults that Envoy injects to test clients.

use std::time::Duration;

use fairlead_lab::client::Request;
use hyper::StatusCode;

use super::walk::{EARLY, Walk, route, virtual_service};
use crate::demo::output::time;

/// Requests of one user are delayed.
pub(super) async fn delay(walk: &mut Walk<'_>) -> anyhow::Result<()> {
    let delay = Duration::from_millis(400);
    let yaml = virtual_service(
        "catalog",
        "  - name: held-up
    match:
    - headers:
        x-user:
          exact: ada
    fault:
      delay:
        percentage:
          value: 100
        fixedDelay: 400ms
    route:
    - destination:
        host: catalog
  - name: not-held-up
    route:
    - destination:
        host: catalog
",
    );
    walk.apply("catalog.yaml", &yaml, route("held-up")).await?;
    let ada = walk.demo.load(20, |_| Request::get("/catalog").header("x-user", "ada")).await;
    let bob = walk.demo.load(20, |_| Request::get("/catalog").header("x-user", "bob")).await;
    let (fastest, usual) = (ada.latency(0.0), bob.latency(0.5));
    walk.sum_up(format!("ada waits {} at least, bob {} as a rule", time(fastest), time(usual)));
    walk.check(
        bob.all_ok().is_ok() && usual < delay,
        format!("half of the 20 requests of bob answered within {}", time(usual)),
        "200, and less than the delay of 400 ms",
    )?;
    walk.check(
        ada.all_ok().is_ok() && fastest + EARLY >= delay && ada.latency(0.5) < delay + Duration::from_secs(2),
        format!("the fastest of the 20 requests of ada answered after {}", time(fastest)),
        "200, and about 400 ms",
    )
}

/// Some requests fail without being sent.
pub(super) async fn abort(walk: &mut Walk<'_>) -> anyhow::Result<()> {
    let yaml = virtual_service(
        "catalog",
        "  - name: flaky
    fault:
      abort:
        percentage:
          value: 30
        httpStatus: 418
    route:
    - destination:
        host: catalog
",
    );
    walk.apply("catalog.yaml", &yaml, route("flaky")).await?;
    let catalog = walk.demo.application("catalog-v1");
    let before = catalog.requests();
    let report = walk.demo.load(1_000, |_| Request::get("/catalog")).await;
    let (aborted, fine) = (report.status(StatusCode::IM_A_TEAPOT), report.status(StatusCode::OK));
    let reached = catalog.requests() - before;
    walk.check(
        aborted + fine == 1_000 && reached == fine,
        format!("{fine} of 1000 answered 200, and {reached} reached the catalog"),
        "those that are not aborted, and no other",
    )?;
    walk.sum_up(format!("{aborted} of 1000 aborted, of 30 % wanted"));
    walk.check_share(0.3, 1_000, aborted, "aborted with 418")
}
