//! A step in progress: its output, checks and edits.

use std::time::Duration;

use fairlead_lab::load;

use crate::demo::{
    mesh::NAMESPACE,
    output::{Look, Output, time},
    running::{Condition, Demo},
};

/// Maximum deviation of a share from the configured one, in standard deviations of the binomial distribution. A correct
/// share exceeds it once in 1.7 million times.
const SIGMAS: f64 = 5.0;

/// Time by which Envoy's timers may expire early: they count from the event loop's last look at the clock, in whole ms.
pub(super) const EARLY: Duration = Duration::from_millis(5);

/// A step in progress, with its findings so far.
pub(in crate::demo) struct Walk<'a> {
    pub(super) demo: &'a Demo,
    pub(super) out: Output,
    pub(super) good: bool,
    pub(super) figure: String,
    /// Whether the figure is that of a check that failed.
    blamed: bool,
}

impl<'a> Walk<'a> {
    pub(super) fn new(demo: &'a Demo, out: Output) -> Self {
        Self { demo, out, good: true, figure: String::new(), blamed: false }
    }

    /// Shows an edit, makes it, and waits until the bookstore's sidecar uses it.
    pub(super) async fn apply(&self, file: &str, yaml: &str, live: Condition) -> anyhow::Result<()> {
        self.out.quote(yaml)?;
        let took = self.demo.apply(file, yaml, &live).await?;
        let text = format!("{file} saved; the bookstore's Envoy uses it {} later", time(took));
        self.say(&self.out.paint(Look::Aside, &text))
    }

    /// Prints a line of the step.
    pub(super) fn say(&self, text: &str) -> anyhow::Result<()> {
        Ok(self.out.line(&format!("  {text}"))?)
    }

    /// Prints what was measured, and what was expected if that differs.
    pub(super) fn check(
        &mut self,
        good: bool,
        measured: impl Into<String>,
        expected: &str,
    ) -> anyhow::Result<()> {
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

    /// Sets the figure for the summary, if all checks succeed.
    pub(super) fn sum_up(&mut self, figure: String) {
        if !self.blamed {
            self.figure = figure;
        }
    }

    /// Prints how many of `n` were `what`, and checks that share.
    pub(super) fn check_share(
        &mut self,
        share: f64,
        n: u64,
        observed: u64,
        what: &str,
    ) -> anyhow::Result<()> {
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
pub(super) fn virtual_service(service: &str, http: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: {service}
  namespace: {NAMESPACE}
spec:
  hosts:
  - {service}
  http:
{http}"
    )
}

/// A DestinationRule for a service of the mesh, with this `trafficPolicy`.
pub(super) fn destination_rule(service: &str, traffic_policy: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata:
  name: {service}
  namespace: {NAMESPACE}
spec:
  host: {service}
  trafficPolicy:
{traffic_policy}"
    )
}

/// The condition that a route of this name is in use.
pub(super) fn route(name: &str) -> Condition {
    Condition::Route(name.to_owned())
}
