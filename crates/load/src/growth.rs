//! The growth of each figure with the number of services and of clients.

use std::fmt::Write as _;

use fairlead_testkit::ads::Protocol;
use serde::Serialize;

use crate::{
    report::{Row, count},
    scenarios,
    settings::{Failure, Settings},
};

/// Number of clients while the services grow: few, because each is sent the whole mesh.
const CLIENTS: usize = 100;
const SERVICES_AXIS: [usize; 3] = [100, 1000, 10_000];
/// Number of services while the clients grow.
const SERVICES: usize = 1000;
const CLIENTS_AXIS: [usize; 3] = [100, 1000, 5000];

/// A figure along an axis.
#[derive(Debug, Serialize)]
pub(crate) struct Line {
    axis: &'static str,
    scenario: String,
    figure: &'static str,
    at: Vec<(usize, f64)>,
    /// Doubling the axis multiplies the figure by 2 to this power: 0 is no growth, 1 is proportional.
    exponent: f64,
}

/// Runs the scenarios of sidecars that see the whole mesh, at three sizes on each axis.
pub(crate) async fn run(settings: &Settings) -> Result<(Vec<Row>, Vec<Line>), Failure> {
    let protocol = if settings.sotw { Protocol::Sotw } else { Protocol::Delta };
    let (mut rows, mut lines) = (Vec::new(), Vec::new());
    for (axis, sizes) in [("services", SERVICES_AXIS), ("clients", CLIENTS_AXIS)] {
        let mut runs = Vec::new();
        for size in sizes {
            let (services, clients) = if axis == "services" { (size, CLIENTS) } else { (SERVICES, size) };
            let mut run = scenarios::unscoped(settings, protocol, services, clients).await?;
            for row in &mut run {
                // The goals apply to the sizes in the table.
                row.goals.clear();
                row.istiod.clear();
            }
            runs.push((size, run.clone()));
            rows.extend(run);
        }
        lines.extend(along(axis, &runs));
    }
    Ok((rows, lines))
}

fn along(axis: &'static str, runs: &[(usize, Vec<Row>)]) -> Vec<Line> {
    let Some((_, first)) = runs.first() else { return Vec::new() };
    let mut lines = Vec::new();
    for (i, row) in first.iter().enumerate() {
        for (figure, _) in &row.figures {
            let value = |(size, run): &(usize, Vec<Row>)| Some((*size, run.get(i)?.figure(figure)?));
            let at: Vec<_> = runs.iter().filter_map(value).collect();
            lines.push(Line { axis, scenario: row.scenario.clone(), figure, exponent: exponent(&at), at });
        }
    }
    lines
}

/// The slope of the line that fits best on logarithmic axes.
fn exponent(at: &[(usize, f64)]) -> f64 {
    let points: Vec<_> = at.iter().map(|(size, value)| (count(*size).ln(), value.ln())).collect();
    let n = count(points.len());
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / n;
    let (x, y) = (mean(|p| p.0), mean(|p| p.1));
    let covariance: f64 = points.iter().map(|p| (p.0 - x) * (p.1 - y)).sum();
    let variance: f64 = points.iter().map(|p| (p.0 - x).powi(2)).sum();
    covariance / variance
}

/// The table in Markdown.
pub(crate) fn table(lines: &[Line]) -> String {
    let mut text = String::from("| grows | scenario | figure | at | exponent |\n|---|---|---|---|---|\n");
    for line in lines {
        let at: Vec<_> = line.at.iter().map(|(size, value)| format!("{size}: {value:.3}")).collect();
        let (at, exponent) = (at.join(", "), line.exponent);
        writeln!(text, "| {} | {} | {} | {at} | {exponent:.2} |", line.axis, line.scenario, line.figure)
            .expect("writing to a String does not fail");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponent_is_that_of_the_power() {
        let grown = |power: f64| SERVICES_AXIS.map(|size| (size, 3.0 * count(size).powf(power)));
        for power in [0.0, 0.5, 1.0, 2.0] {
            assert!((exponent(&grown(power)) - power).abs() < 1e-9, "{power}");
        }
    }
}
