//! `make load`: a control plane under the load of thousands of proxies, measured.
//!
//! It starts `fairlead serve` as a process of its own on loopback, plays the proxies itself, runs the scenarios
//! one after the other, prints a table and writes the figures as JSON. `--help` lists what can be asked for.

mod design;
mod growth;
mod lab;
mod loopback;
mod report;
mod scenarios;
mod server;

use std::{fs, io::Write as _, path::PathBuf, process::ExitCode};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;

/// Why a run has ended early.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

const HELP: &str = "\
usage: fairlead-load [--scenario NAME]... [--clients N] [--services N] [--sotw] [--growth] [--design]
                     [--json FILE] [--fairlead FILE]

  --scenario NAME  only this one (may be repeated)
  --clients N      so many clients, in place of each scenario's own number
  --services N     so many services, in place of 1,000
  --sotw           state of the world, in place of delta
  --growth         the scenarios of unscoped sidecars at 100, 1,000 and 10,000 services, and at 100, 1,000 and
                   5,000 clients, with the exponent of the growth of each figure
  --design         10,000 services, 100,000 endpoints and 5,000 scoped clients
  --json FILE      where the figures go (target/load/figures.json)
  --fairlead FILE  the binary to load (the `fairlead` beside this program)

scenarios: ";

/// What the command line asks for.
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
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Option<Self>, Failure> {
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
    if scenarios::NAMES.contains(&name.as_str()) {
        return Ok(name);
    }
    Err(format!("unknown scenario `{name}`; there are {}", scenarios::NAMES.join(", ")).into())
}

fn main() -> ExitCode {
    let mut out = std::io::stdout();
    let done = Settings::parse(std::env::args().skip(1)).and_then(|settings| match settings {
        None => Ok(writeln!(out, "{HELP}{}", scenarios::NAMES.join(", "))?),
        Some(settings) => run(&settings, &mut out),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("load: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(settings: &Settings, out: &mut impl std::io::Write) -> Result<(), Failure> {
    allow_open_files()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let (rows, growth) = runtime.block_on(measure(settings))?;
    write!(out, "{}", report::table(&rows))?;
    if !growth.is_empty() {
        write!(out, "\n{}", growth::table(&growth))?;
    }
    if let Some(directory) = settings.json.parent() {
        fs::create_dir_all(directory)?;
    }
    let figures = json!({"machine": machine(), "rows": rows, "growth": growth});
    fs::write(&settings.json, serde_json::to_string_pretty(&figures)?)?;
    writeln!(out, "\nfigures: {}", settings.json.display())?;
    Ok(())
}

async fn measure(settings: &Settings) -> Result<(Vec<report::Row>, Vec<growth::Line>), Failure> {
    if settings.growth {
        return growth::run(settings).await;
    }
    let rows = if settings.design { design::run(settings).await? } else { scenarios::run(settings).await? };
    Ok((rows, Vec::new()))
}

/// A connection is a file on each side: as many as the system allows without asking anybody.
fn allow_open_files() -> Result<(), Failure> {
    let limit = getrlimit(Resource::Nofile);
    Ok(setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })?)
}

/// What the figures were measured on.
fn machine() -> serde_json::Value {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let cpus = std::thread::available_parallelism().map_or(0, usize::from);
    json!({"cpus": cpus, "load_average": load.trim()})
}
