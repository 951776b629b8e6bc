//! The steps of the demo: each edits the configuration, sends requests through the gateway and counts.

mod edits;
mod external;
mod faults;
mod resilience;
mod routing;
mod walk;

use std::{pin::Pin, time::Instant};

use anyhow::Context as _;

use super::{
    output::{Look, Outcome, Output},
    running::Demo,
};
use walk::Walk;

/// A step of the demo.
pub(super) struct Step {
    title: &'static str,
    run: for<'a> fn(&'a mut Walk<'_>) -> Taken<'a>,
}

/// The run of a step; an error means that it could not be completed.
type Taken<'a> = Pin<Box<dyn Future<Output = anyhow::Result<()>> + Send + 'a>>;

/// Every step, in order.
pub(super) const STEPS: &[Step] = &[
    Step { title: "canary 90/10", run: |walk| Box::pin(routing::canary(walk)) },
    Step { title: "routing by header", run: |walk| Box::pin(routing::header(walk)) },
    Step { title: "blue/green switch", run: |walk| Box::pin(routing::blue_green(walk)) },
    Step { title: "retries", run: |walk| Box::pin(resilience::retries(walk)) },
    Step { title: "timeout", run: |walk| Box::pin(resilience::timeout(walk)) },
    Step { title: "injected delay", run: |walk| Box::pin(faults::delay(walk)) },
    Step { title: "injected abort", run: |walk| Box::pin(faults::abort(walk)) },
    Step { title: "circuit breaking", run: |walk| Box::pin(resilience::circuit_breaking(walk)) },
    Step { title: "outlier ejection", run: |walk| Box::pin(resilience::outlier(walk)) },
    Step { title: "mirroring", run: |walk| Box::pin(routing::mirroring(walk)) },
    Step { title: "external service", run: |walk| Box::pin(external::service_entry(walk)) },
    Step { title: "live edits under load", run: |walk| Box::pin(edits::under_load(walk)) },
    Step { title: "broken edits", run: |walk| Box::pin(edits::broken(walk)) },
];

/// Runs a step, and then restores what it has changed.
pub(super) async fn take(step: &Step, number: usize, demo: &Demo, out: Output) -> anyhow::Result<Outcome> {
    let began = Instant::now();
    out.line(&out.paint(Look::Title, &format!("\n{number}. {}", step.title)))?;
    let mut walk = Walk::new(demo, out);
    if let Err(error) = (step.run)(&mut walk).await {
        let causes: Vec<_> = error.chain().map(ToString::to_string).collect();
        walk.check(false, causes.join(": "), "the step to come to its end")?;
    }
    demo.restore().context("restore the configuration")?;
    Ok(Outcome { title: step.title, good: walk.good, figure: walk.figure, took: began.elapsed() })
}
