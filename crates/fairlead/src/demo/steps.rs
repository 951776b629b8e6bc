//! The steps of the demo: each edits the configuration, sends requests through the gateway and counts.

mod edits;
mod external;
mod faults;
mod resilience;
mod routing;

use std::{
    pin::Pin,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use fairlead_lab::load;

use super::{
    output::{Look, Outcome, Output, time},
    running::{Condition, Demo},
};

/// How far a share may be from what is configured, in standard deviations of the binomial distribution. A correct
/// share is further away once in 1.7 million times.
const SIGMAS: f64 = 5.0;

/// How much earlier than asked for a timer of Envoy may end: it counts from the time at which its event loop last
/// looked at the clock, in whole milliseconds.
const EARLY: Duration = Duration::from_millis(5);

/// A step, before it is taken.
pub(super) struct Step {
    title: &'static str,
    run: for<'a> fn(&'a mut Walk<'_>) -> Taken<'a>,
}

/// What a step does; an error is that it could not come to its end.
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

/// A step that is being taken: what it found so far.
pub(super) struct Walk<'a> {
    demo: &'a Demo,
    out: Output,
    good: bool,
    figure: String,
    /// Whether the figure is that of a check that failed.
    blamed: bool,
}

/// Takes a step. What it changed is restored.
pub(super) async fn take(step: &Step, number: usize, demo: &Demo, out: Output) -> anyhow::Result<Outcome> {
    let began = Instant::now();
    out.line(&out.paint(Look::Title, &format!("\n{number}. {}", step.title)))?;
    let mut walk = Walk { demo, out, good: true, figure: String::new(), blamed: false };
    if let Err(error) = (step.run)(&mut walk).await {
        let causes: Vec<_> = error.chain().map(ToString::to_string).collect();
        walk.check(false, causes.join(": "), "the step to come to its end")?;
    }
    demo.restore().context("restore the configuration")?;
    Ok(Outcome { title: step.title, good: walk.good, figure: walk.figure, took: began.elapsed() })
}

impl Walk<'_> {
    /// Shows an edit, makes it, and waits until the bookstore's sidecar uses it.
    async fn apply(&self, file: &str, yaml: &str, live: Condition) -> anyhow::Result<()> {
        self.out.quote(yaml)?;
        let took = self.demo.apply(file, yaml, &live).await?;
        let text = format!("{file} saved; the bookstore's Envoy uses it {} later", time(took));
        self.say(&self.out.paint(Look::Aside, &text))
    }

    /// Says a line of the step.
    fn say(&self, text: &str) -> anyhow::Result<()> {
        Ok(self.out.line(&format!("  {text}"))?)
    }

    /// Says what was measured, and what was expected if it is something else.
    fn check(&mut self, good: bool, measured: impl Into<String>, expected: &str) -> anyhow::Result<()> {
        let (mark, measured) = (self.out.mark(good), measured.into());
        if good {
            return self.say(&format!("{mark} {measured}"));
        }
        self.good = false;
        if !self.blamed {
            self.figure.clone_from(&measured);
            self.blamed = true;
        }
        self.say(&format!("{mark} {measured}; expected: {expected}"))
    }

    /// What the summary says of this step, if all of it is as expected.
    fn sum_up(&mut self, figure: String) {
        if !self.blamed {
            self.figure = figure;
        }
    }

    /// Says how many of `n` were `what`, which should be a share of them.
    fn check_share(&mut self, share: f64, n: u64, observed: u64, what: &str) -> anyhow::Result<()> {
        let (low, high) = load::bounds(share, n, SIGMAS);
        let percent = share * 100.0;
        let expected = format!("{low} to {high}, that is {percent} % within {SIGMAS} standard deviations");
        let good = (low..=high).contains(&observed);
        let measured = if good {
            format!("{observed} of {n} {what} ({expected})")
        } else {
            format!("{observed} of {n} {what}")
        };
        self.check(good, measured, &expected)
    }
}

/// A VirtualService for a service of the mesh, with these `http` routes.
fn virtual_service(service: &str, http: &str) -> String {
    let namespace = super::mesh::NAMESPACE;
    format!(
        "apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: {service}
  namespace: {namespace}
spec:
  hosts:
  - {service}
  http:
{http}"
    )
}

/// A DestinationRule for a service of the mesh, with this `trafficPolicy`.
fn destination_rule(service: &str, traffic_policy: &str) -> String {
    let namespace = super::mesh::NAMESPACE;
    format!(
        "apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata:
  name: {service}
  namespace: {namespace}
spec:
  host: {service}
  trafficPolicy:
{traffic_policy}"
    )
}

/// The condition that a route of this name is in use.
fn route(name: &str) -> Condition {
    Condition::Route(name.to_owned())
}
