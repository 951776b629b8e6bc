//! The figures of a run: a table on standard error, and JSON under `target/soak/`.

use std::{fs, path::Path};

use serde_json::{Map, Value, json};

use crate::crowds::is_full;

/// Figures by name; a name ends with its unit.
pub(crate) struct Report {
    scenario: &'static str,
    figures: Map<String, Value>,
}

impl Report {
    pub(crate) fn of(scenario: &'static str) -> Self {
        Self { scenario, figures: Map::new() }
    }

    pub(crate) fn add(&mut self, name: &str, value: impl Into<f64>) {
        let rounded = (value.into() * 1000.0).round() / 1000.0;
        self.figures.insert(name.to_owned(), json!(rounded));
    }

    pub(crate) fn count(&mut self, name: &str, value: impl TryInto<u64>) {
        self.figures.insert(name.to_owned(), json!(value.try_into().ok()));
    }

    /// Prints the table, and writes the figures of a full run.
    pub(crate) fn finish(self) {
        eprintln!("{}", self.scenario);
        for (name, value) in &self.figures {
            eprintln!("  {name:<36} {value:>14}");
        }
        if !is_full() {
            return;
        }
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("a directory of the target");
        let directory = target.join("soak");
        fs::create_dir_all(&directory).unwrap();
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let cpus = std::thread::available_parallelism().map_or(0, usize::from);
        let text = json!({
            "scenario": self.scenario,
            "machine": {"cpus": cpus, "load_average": load.trim()},
            "figures": self.figures,
        });
        let text = serde_json::to_string_pretty(&text).unwrap();
        fs::write(directory.join(format!("{}.json", self.scenario)), text).unwrap();
    }
}
