//! The settings from the command line.

use std::path::PathBuf;

/// The reason why a run has ended early.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The values of `--scenario`, in the order in which scenarios run.
pub(crate) const SCENARIOS: &[&str] = &[
    "loaded",
    "sync",
    "endpoint",
    "pool",
    "weight",
    "service",
    "irrelevant",
    "pods",
    "namespaces",
    "scoped",
    "weight-sotw",
    "big-service",
    "gateway",
];

/// The settings from the command line.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) scenarios: Vec<String>,
    pub(crate) clients: Option<usize>,
    pub(crate) services: Option<usize>,
    pub(crate) sotw: bool,
    pub(crate) growth: bool,
    pub(crate) design: bool,
    pub(crate) json: PathBuf,
    pub(crate) binary: PathBuf,
}

impl Settings {
    /// Reads the command line; `None` if it asks for help.
    pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Option<Self>, Failure> {
        let program = std::env::current_exe()?;
        let target = program.parent().ok_or("this program is in no directory")?;
        let mut settings = Self {
            scenarios: Vec::new(),
            clients: None,
            services: None,
            sotw: false,
            growth: false,
            design: false,
            json: target.parent().unwrap_or(target).join("load/figures.json"),
            binary: target.join("fairlead"),
        };
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
            match argument.as_str() {
                "--scenario" => settings.scenarios.push(scenario(value()?)?),
                "--clients" => settings.clients = Some(value()?.parse()?),
                "--services" => settings.services = Some(value()?.parse()?),
                "--sotw" => settings.sotw = true,
                "--growth" => settings.growth = true,
                "--design" => settings.design = true,
                "--json" => settings.json = value()?.into(),
                "--fairlead" => settings.binary = value()?.into(),
                "--help" | "-h" => return Ok(None),
                other => return Err(format!("unknown argument `{other}`; --help lists them").into()),
            }
        }
        Ok(Some(settings))
    }

    /// Whether any of these scenarios is to be run.
    pub(crate) fn wants(&self, names: &[&str]) -> bool {
        self.scenarios.is_empty() || names.iter().any(|name| self.scenarios.iter().any(|s| s == name))
    }
}

fn scenario(name: String) -> Result<String, Failure> {
    if SCENARIOS.contains(&name.as_str()) {
        return Ok(name);
    }
    Err(format!("unknown scenario `{name}`; there are {}", SCENARIOS.join(", ")).into())
}
