//! Requests to a service that fails or is slow.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use fairlead_lab::{client::Request, deadline::eventually};
use hyper::StatusCode;
use serde_json::json;

use super::walk::{EARLY, Walk, destination_rule, route, virtual_service};
use crate::demo::{application::Behaviour, output::time, running::Condition};

/// A request is tried again until it succeeds, but not for ever.
pub(super) async fn retries(walk: &mut Walk<'_>) -> anyhow::Result<()> {
    let yaml = virtual_service(
        "catalog",
        "  - name: try-again
    route:
    - destination:
        host: catalog
    retries:
      attempts: 3
      perTryTimeout: 2s
      retryOn: 5xx
",
    );
    walk.apply("catalog.yaml", &yaml, route("try-again")).await?;
    for (failures, status, attempts) in [(2, 200, 3), (10, 503, 4)] {
        let catalog = walk.demo.application("catalog-v1");
        catalog.behave(Behaviour::fails_first(failures, StatusCode::SERVICE_UNAVAILABLE));
        let before = catalog.requests();
        let answer = walk.demo.get("/catalog").await?.status.as_u16();
        let tried = catalog.requests() - before;
        walk.check(
            (answer, tried) == (status, attempts),
            format!(
                "the catalog fails {failures} times: the client sees {answer}, the catalog {tried} attempts"
            ),
            &format!("{status} and {attempts}"),
        )?;
    }
    walk.sum_up("2 failures hidden by 3 attempts, 10 failures shown after 4".to_owned());
    Ok(())
}

/// A request that takes too long is aborted.
pub(super) async fn timeout(walk: &mut Walk<'_>) -> anyhow::Result<()> {
    let (limit, slow) = (Duration::from_millis(300), Duration::from_secs(3));
    let yaml = virtual_service(
        "catalog",
        "  - name: in-time
    timeout: 300ms
    route:
    - destination:
        host: catalog
",
    );
    walk.apply("catalog.yaml", &yaml, route("in-time")).await?;
    walk.demo.application("catalog-v1").behave(Behaviour::slow(slow));
    for _ in 0..3 {
        let began = Instant::now();
        let status = walk.demo.get("/catalog").await?.status.as_u16();
        let took = began.elapsed();
        walk.check(
            status == 504 && took + EARLY >= limit && took < slow,
            format!("the catalog takes 3 s: the client sees {status} after {}", time(took)),
            "504 after about 300 ms",
        )?;
        walk.sum_up(format!("504 after {} instead of 200 after 3 s", time(took)));
    }
    Ok(())
}

/// Requests beyond a service's limit of concurrent ones are refused without being sent.
pub(super) async fn circuit_breaking(walk: &mut Walk<'_>) -> anyhow::Result<()> {
    let yaml = destination_rule(
        "catalog",
        "    connectionPool:
      tcp:
        maxConnections: 1
      http:
        http1MaxPendingRequests: 1
",
    );
    let name = walk.demo.cluster("catalog");
    let limited = Condition::Cluster {
        name: name.clone(),
        pointer: "/circuit_breakers/thresholds/0/max_pending_requests",
        value: json!(1),
    };
    walk.apply("catalog.yaml", &yaml, limited).await?;
    walk.demo.application("catalog-v1").behave(Behaviour::slow(Duration::from_millis(400)));
    let client = walk.demo.client().admin();
    let stat = format!("cluster.{name}.upstream_rq_pending_overflow");
    let before = client.stat(&stat).await?;
    let report = walk.demo.parallel(10, 10, |_| Request::get("/catalog")).await;
    let (served, refused) = (report.status(StatusCode::OK), report.status(StatusCode::SERVICE_UNAVAILABLE));
    let overflow = client.stat(&stat).await? - before;
    walk.check(
        served >= 1 && served + refused == 10 && refused >= 6,
        format!("of 10 requests at once {served} answered 200 and {refused} refused with 503"),
        "1 to 4 answered, the others refused",
    )?;
    walk.sum_up(format!("of 10 at once {served} served and {refused} refused"));
    walk.check(overflow == refused, format!("Envoy counts {overflow} overflows"), &refused.to_string())?;
    walk.demo.application("catalog-v1").behave(Behaviour::default());
    let mut served = 0;
    for _ in 0..10 {
        served += u32::from(walk.demo.get("/catalog").await?.status == StatusCode::OK);
    }
    walk.check(served == 10, format!("one after the other {served} of 10 answered 200"), "all")
}

/// A replica that fails is ejected.
pub(super) async fn outlier(walk: &mut Walk<'_>) -> anyhow::Result<()> {
    let yaml = destination_rule(
        "ratings",
        "    outlierDetection:
      consecutive5xxErrors: 3
      interval: 1s
      baseEjectionTime: 60s
      maxEjectionPercent: 50
",
    );
    let name = walk.demo.cluster("ratings");
    let watched = Condition::Cluster {
        name: name.clone(),
        pointer: "/outlier_detection/consecutive_5xx",
        value: json!(3),
    };
    walk.apply("ratings.yaml", &yaml, watched).await?;
    let broken = walk.demo.application("ratings-v2");
    broken.behave(Behaviour::broken(StatusCode::INTERNAL_SERVER_ERROR));
    let client = walk.demo.client().admin();
    let stat = format!("cluster.{name}.outlier_detection.ejections_active");
    let failures = AtomicU64::new(0);
    eventually("the ejection of ratings-v2", Duration::from_secs(20), || async {
        let status = walk.demo.get("/ratings").await.map_err(|error| error.to_string())?.status;
        failures.fetch_add(u64::from(status == StatusCode::INTERNAL_SERVER_ERROR), Ordering::SeqCst);
        match client.stat(&stat).await.map_err(|error| error.to_string())? {
            1 => Ok(()),
            ejected => Err(format!("{ejected} ejected, the last answer {status}")),
        }
    })
    .await?;
    let failures = failures.into_inner();
    walk.check(
        (3..=10).contains(&failures),
        format!("ratings-v2 fails: ejected (ejections_active is 1) after {failures} failures"),
        "3, or a few more until Envoy's main thread has counted them",
    )?;
    let reached = broken.requests();
    let report = walk.demo.load(200, |_| Request::get("/ratings")).await;
    let (fine, after) = (report.status(StatusCode::OK), broken.requests() - reached);
    walk.sum_up(format!("ejected after {failures} failures, then {fine} of 200 fine"));
    walk.check(fine == 200, format!("then {fine} of 200 requests answered 200"), "all")?;
    walk.check(after == 0, format!("{after} of them sent to ratings-v2"), "none")
}
