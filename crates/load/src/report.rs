//! The table that is printed, and the file of figures.

use std::{fmt::Write as _, time::Duration};

use serde::Serialize;

/// The result of one scenario.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Row {
    pub(crate) scenario: String,
    /// Its parameters: clients, services and the variant.
    pub(crate) setting: String,
    /// istiod's figure for the same, as measured elsewhere.
    pub(crate) istiod: String,
    pub(crate) goals: Vec<Goal>,
    /// Every figure by name.
    pub(crate) figures: Vec<(&'static str, f64)>,
    /// A note that the figures need.
    pub(crate) note: String,
}

/// A target for a figure.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Goal {
    pub(crate) figure: &'static str,
    pub(crate) bound: Bound,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

/// The names of figures carry their unit, so that goals and figures compare as numbers.
pub(crate) mod figure {
    pub(crate) const RSS_MB: &str = "rss_mb";
    pub(crate) const PEAK_MB: &str = "peak_rss_mb";
    pub(crate) const CPU_S: &str = "cpu_s";
    pub(crate) const CLIENTS_CPU_S: &str = "clients_cpu_s";
    pub(crate) const WALL_S: &str = "wall_s";
    pub(crate) const LAST_MS: &str = "last_client_ms";
    pub(crate) const MEDIAN_MS: &str = "median_client_ms";
    pub(crate) const SETTLED_MS: &str = "last_response_ms";
    pub(crate) const ROUND_MS: &str = "computed_in_ms";
    pub(crate) const FILES: &str = "open_files";
    pub(crate) const MB: &str = "sent_mb";
    pub(crate) const RECOMPUTED: &str = "recomputed";
    pub(crate) const VIEWS: &str = "recomputed_views";
    pub(crate) const CLIENTS: &str = "clients_reached";
    pub(crate) const COPY_RATIO: &str = "ratio_to_loopback_copy";
}

pub(crate) fn at_most(figure: &'static str, bound: f64) -> Goal {
    Goal { figure, bound: Bound::AtMost(bound) }
}

pub(crate) fn at_least(figure: &'static str, bound: f64) -> Goal {
    Goal { figure, bound: Bound::AtLeast(bound) }
}

impl Row {
    pub(crate) fn figure(&self, name: &str) -> Option<f64> {
        self.figures.iter().find(|(figure, _)| *figure == name).map(|(_, value)| *value)
    }

    pub(crate) fn set(&mut self, name: &'static str, value: f64) {
        self.figures.push((name, value));
    }

    /// Prints the result while the run continues.
    pub(crate) fn tell(self) -> Self {
        eprintln!("load: {} ({}): {}", self.scenario, self.setting, self.shown());
        self
    }

    fn shown(&self) -> String {
        let mut figures: Vec<_> = self.figures.iter().map(|(name, value)| shown(name, *value)).collect();
        if !self.note.is_empty() {
            figures.push(self.note.clone());
        }
        figures.join("; ")
    }

    fn is_reached(&self, goal: &Goal) -> bool {
        let value = self.figure(goal.figure).unwrap_or(f64::NAN);
        match goal.bound {
            Bound::AtMost(bound) => value <= bound,
            Bound::AtLeast(bound) => value >= bound,
        }
    }

    /// `yes`, `no: ...` with the goals that were missed, or nothing if there is no goal.
    fn verdict(&self) -> String {
        let missed: Vec<_> =
            self.goals.iter().filter(|goal| !self.is_reached(goal)).map(|g| g.figure).collect();
        match (self.goals.is_empty(), missed.is_empty()) {
            (true, _) => String::new(),
            (false, true) => "yes".to_owned(),
            (false, false) => format!("no: {}", missed.join(", ")),
        }
    }
}

/// The table in Markdown, which is readable in a terminal too.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut text = String::from(
        "| scenario | setting | istiod | goal | Fairlead | reached |\n|---|---|---|---|---|---|\n",
    );
    for row in rows {
        let goals: Vec<_> = row.goals.iter().map(goal).collect();
        writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} |",
            row.scenario,
            row.setting,
            row.istiod,
            goals.join("; "),
            row.shown(),
            row.verdict(),
        )
        .expect("writing to a String does not fail");
    }
    text
}

fn goal(goal: &Goal) -> String {
    let (sign, value) = match goal.bound {
        Bound::AtMost(value) => ("≤", value),
        Bound::AtLeast(value) => ("≥", value),
    };
    format!("{sign} {}", shown(goal.figure, value))
}

/// A figure for people.
fn shown(name: &str, value: f64) -> String {
    match name {
        figure::RSS_MB => format!("{value:.0} MB"),
        figure::PEAK_MB => format!("peak {value:.0} MB"),
        figure::CPU_S => format!("{value:.3} CPU-s"),
        figure::CLIENTS_CPU_S => format!("clients {value:.3} CPU-s"),
        figure::WALL_S => format!("in {value:.1} s"),
        figure::LAST_MS => format!("last client {value:.0} ms"),
        figure::MEDIAN_MS => format!("median {value:.0} ms"),
        figure::SETTLED_MS => format!("last response {value:.0} ms"),
        figure::ROUND_MS => format!("computed in {value:.2} ms"),
        figure::FILES => format!("{value:.0} open files"),
        figure::MB => format!("{value:.3} MB sent"),
        figure::RECOMPUTED => format!("{value:.0} recomputed"),
        figure::VIEWS => format!("{value:.0} views recomputed"),
        figure::CLIENTS => format!("{value:.0} clients"),
        figure::COPY_RATIO => format!("{value:.2} of a loopback copy"),
        other => format!("{other} {value:.3}"),
    }
}

pub(crate) fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

#[expect(clippy::cast_precision_loss, reason = "nothing here is counted beyond 2^52")]
pub(crate) fn count(count: usize) -> f64 {
    count as f64
}

#[expect(clippy::cast_precision_loss, reason = "a count of bytes need not be exact to the byte")]
pub(crate) fn mb(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
