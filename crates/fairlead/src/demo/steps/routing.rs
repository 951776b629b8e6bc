//! Routing: shares, headers, switches and copies.

use std::time::Duration;

use fairlead_lab::{client::Request, deadline::eventually};

use super::walk::{Walk, route, virtual_service};

const REVIEWS: &str = "reviews.yaml";

/// One request in ten goes to a new version.
pub(super) async fn canary(walk: &mut Walk<'_>) -> anyhow::Result<()> {
    let yaml = virtual_service(
        "reviews",
        "  - name: canary
    route:
    - destination:
        host: reviews
        subset: v1
      weight: 90
    - destination:
        host: reviews
        subset: v2
      weight: 10
",
    );
    walk.apply(REVIEWS, &yaml, route("canary")).await?;
    let report = walk.demo.load(1_000, |_| Request::get("/reviews")).await;
    let answered = report.by_version("v1") + report.by_version("v2");
    walk.check(
        report.all_ok().is_ok() && answered == 1_000,
        format!("{answered} of 1000 answered by v1 or v2"),
        "all",
    )?;
    let canary = report.by_version("v2");
    walk.sum_up(format!("{canary} of 1000 went to the new version"));
    walk.check_share(0.1, 1_000, canary, "went to v2")
}

/// A user sees another version than the others.
pub(super) async fn header(walk: &mut Walk<'_>) -> anyhow::Result<()> {
    let yaml = virtual_service(
        "reviews",
        "  - name: testers
    match:
    - headers:
        x-user:
          exact: ada
    route:
    - destination:
        host: reviews
        subset: v3
  - name: everybody-else
    route:
    - destination:
        host: reviews
        subset: v1
",
    );
    walk.apply(REVIEWS, &yaml, route("testers")).await?;
    let request = |n| {
        let user = if n % 2 == 0 { "ada" } else { "bob" };
        Request::get("/reviews").header("x-user", user)
    };
    let ada = walk.demo.load(100, move |_| request(0)).await;
    let bob = walk.demo.load(100, move |_| request(1)).await;
    let (ada, bob) = (ada.by_version("v3"), bob.by_version("v1"));
    walk.sum_up(format!("{ada} of 100 and {bob} of 100 went where their header says"));
    walk.check(bob == 100, format!("{bob} of 100 requests of bob answered by v1"), "all")?;
    walk.check(ada == 100, format!("{ada} of 100 requests of ada answered by v3"), "all")
}

/// All requests switch from one version to another at once.
pub(super) async fn blue_green(walk: &mut Walk<'_>) -> anyhow::Result<()> {
    let to = |colour: &str, version: &str| {
        let http = format!(
            "  - name: {colour}
    route:
    - destination:
        host: reviews
        subset: {version}
"
        );
        virtual_service("reviews", &http)
    };
    walk.apply(REVIEWS, &to("blue", "v1"), route("blue")).await?;
    let blue = walk.demo.load(200, |_| Request::get("/reviews")).await.by_version("v1");
    walk.check(blue == 200, format!("before: {blue} of 200 answered by v1"), "all")?;
    walk.apply(REVIEWS, &to("green", "v2"), route("green")).await?;
    let green = walk.demo.load(200, |_| Request::get("/reviews")).await.by_version("v2");
    walk.sum_up(format!("before {blue} of 200 to v1, after {green} of 200 to v2"));
    walk.check(green == 200, format!("after: {green} of 200 answered by v2"), "all")
}

/// Another version gets a copy of each request, unnoticed by clients.
pub(super) async fn mirroring(walk: &mut Walk<'_>) -> anyhow::Result<()> {
    let yaml = virtual_service(
        "reviews",
        "  - name: mirrored
    route:
    - destination:
        host: reviews
        subset: v1
    mirror:
      host: reviews
      subset: v3
    mirrorPercentage:
      value: 100
",
    );
    walk.apply(REVIEWS, &yaml, route("mirrored")).await?;
    let mirror = walk.demo.application("reviews-v3");
    let before = mirror.requests();
    let clients = walk.demo.load(200, |_| Request::get("/reviews")).await.by_version("v1");
    walk.check(clients == 200, format!("{clients} of 200 clients answered by v1"), "all")?;
    // Envoy does not wait for the copies, so they may still be under way.
    let arrived = eventually("the copies", Duration::from_secs(10), || async {
        let copies = mirror.requests() - before;
        if copies >= 200 { Ok(()) } else { Err(format!("{copies} copies")) }
    })
    .await;
    let copies = mirror.requests() - before;
    walk.sum_up(format!("{copies} copies of 200 requests, {clients} clients answered as ever"));
    walk.check(arrived.is_ok() && copies == 200, format!("{copies} copies counted by v3"), "200")
}
