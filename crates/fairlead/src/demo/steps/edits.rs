//! Edits while requests are under way, and edits that are mistakes.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use fairlead_config::{Diagnostic, Severity};
use fairlead_lab::{client::Request, deadline::eventually};
use hyper::StatusCode;
use serde_json::json;

use super::walk::{Walk, destination_rule, route, virtual_service};
use crate::demo::{
    mesh::NAMESPACE,
    output::{Look, time},
    running::{Condition, Demo},
};

const REVIEWS: &str = "reviews.yaml";
const CATALOG: &str = "catalog.yaml";
/// Maximum time until a mistake is reported. It takes milliseconds, longer on a busy machine.
const TOLD_WITHIN: Duration = Duration::from_secs(15);
/// Number of requests sent during edits.
const REQUESTS: u64 = 3_000;

/// Weights change again and again, and no request fails.
pub(super) async fn under_load(walk: &mut Walk<'_>) -> anyhow::Result<()> {
    let weights = |edit: u64| {
        let share = 10 + 20 * (edit % 5);
        let http = format!(
            "  - name: edit-{edit}
    route:
    - destination:
        host: reviews
        subset: v1
      weight: {share}
    - destination:
        host: reviews
        subset: v3
      weight: {rest}
",
            rest = 100 - share
        );
        virtual_service("reviews", &http)
    };
    walk.apply(REVIEWS, &weights(0), route("edit-0")).await?;
    let demo = walk.demo;
    let done = AtomicBool::new(false);
    let load = async {
        let report = demo.load(REQUESTS, |_| Request::get("/reviews")).await;
        done.store(true, Ordering::SeqCst);
        report
    };
    let editing = async {
        let mut live_after = Vec::new();
        while !done.load(Ordering::SeqCst) {
            let edit = live_after.len() as u64 + 1;
            live_after.push(demo.apply(REVIEWS, &weights(edit), &route(&format!("edit-{edit}"))).await?);
        }
        anyhow::Ok(live_after)
    };
    let (report, live_after) = tokio::join!(load, editing);
    let mut live_after = live_after?;
    live_after.sort_unstable();
    let (edits, median) =
        (live_after.len(), live_after.get(live_after.len() / 2).copied().unwrap_or_default());
    walk.check(
        edits >= 5,
        format!(
            "the weights edited {edits} times meanwhile, half of the edits in use within {}",
            time(median)
        ),
        "5 edits at least",
    )?;
    let failed = REQUESTS - report.status(StatusCode::OK);
    let (v1, v3) = (report.by_version("v1"), report.by_version("v3"));
    walk.sum_up(format!("{edits} edits, {failed} of {REQUESTS} requests failed"));
    walk.check(
        failed == 0 && v1 + v3 == REQUESTS && v1 > 0 && v3 > 0,
        format!("{failed} of {REQUESTS} requests failed (v1 answered {v1}, v3 {v3})"),
        &format!("none: {report}"),
    )
}

/// A mistake in a file, and its correction.
struct Mistake {
    what: &'static str,
    file: &'static str,
    wrong: (&'static str, &'static str),
}

const MISTAKES: &[Mistake] = &[
    Mistake { what: "a value that does not exist", file: CATALOG, wrong: ("ROUND_ROBIN", "ROUNT_ROBIN") },
    Mistake { what: "a field that does not exist", file: REVIEWS, wrong: ("subset: v1", "subsett: v2") },
    Mistake { what: "not even YAML", file: REVIEWS, wrong: ("- destination:", "- destination: {") },
];

/// Mistakes are reported with their place, and have no other effect.
pub(super) async fn broken(walk: &mut Walk<'_>) -> anyhow::Result<()> {
    let reviews = virtual_service(
        "reviews",
        "  - name: steady
    route:
    - destination:
        host: reviews
        subset: v1
",
    );
    let catalog = destination_rule(
        "catalog",
        "    loadBalancer:
      simple: ROUND_ROBIN
",
    );
    let balanced = Condition::Cluster {
        name: walk.demo.cluster("catalog"),
        pointer: "/metadata/filter_metadata/istio/config",
        value: json!(format!("/apis/networking.istio.io/v1/namespaces/{NAMESPACE}/destination-rule/catalog")),
    };
    walk.apply(REVIEWS, &reviews, route("steady")).await?;
    walk.apply(CATALOG, &catalog, balanced.clone()).await?;
    // From here on no Envoy waits for anything.
    walk.demo.wait_everywhere(&route("steady")).await?;
    walk.demo.wait_everywhere(&balanced).await?;
    let before = walk.demo.configuration().await?;
    for mistake in MISTAKES {
        let good = if mistake.file == REVIEWS { &reviews } else { &catalog };
        let bad = good.replace(mistake.wrong.0, mistake.wrong.1);
        walk.say(&format!("{}, in {}:", mistake.what, mistake.file))?;
        let wrong = bad.lines().find(|text| text.contains(mistake.wrong.1)).unwrap_or_default();
        walk.out.quote(wrong)?;
        walk.demo.directory().write(mistake.file, &bad)?;
        let finding = finding(walk.demo, mistake.file).await?;
        walk.say(&walk.out.paint(Look::Bad, &finding.to_string()))?;
        let place = finding.position.as_ref().map_or_else(|| "no place".to_owned(), ToString::to_string);
        let report = walk.demo.load(50, |_| Request::get("/reviews")).await;
        let steady = report.by_version("v1");
        let same = walk.demo.configuration().await? == before;
        let all = walk.demo.proxies().len();
        walk.check(
            finding.position.is_some() && steady == 50 && same,
            format!(
                "told at {place}; {steady} of 50 requests answered as before; the configuration of the {all} Envoys {}",
                if same { "is the same" } else { "HAS CHANGED" }
            ),
            "the place, 50, and the same configuration",
        )?;
        walk.demo.directory().write(mistake.file, good)?;
        until_forgotten(walk.demo, mistake.file).await?;
    }
    walk.sum_up(format!("{} mistakes told with their line, nothing changed by any", MISTAKES.len()));
    Ok(())
}

/// The error about a file, once there is one.
async fn finding(demo: &Demo, file: &str) -> anyhow::Result<Diagnostic> {
    let found = eventually("a finding about the mistake", TOLD_WITHIN, || async {
        let findings = demo.findings(file).await.map_err(|error| error.to_string())?;
        findings.into_iter().find(|f| f.severity == Severity::Error).ok_or_else(|| "no error".to_owned())
    });
    Ok(found.await?)
}

/// Waits until there is no finding about a file any longer.
async fn until_forgotten(demo: &Demo, file: &str) -> anyhow::Result<()> {
    let gone = eventually("the end of the finding", TOLD_WITHIN, || async {
        let findings = demo.findings(file).await.map_err(|error| error.to_string())?;
        if findings.is_empty() { Ok(()) } else { Err(format!("{findings:?}")) }
    });
    Ok(gone.await?)
}
