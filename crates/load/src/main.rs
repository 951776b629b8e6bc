//! `make load`: a control plane under the load of thousands of proxies, measured.
//!
//! It starts `fairlead serve` as a process of its own on loopback, plays the proxies itself, runs the scenarios one
//! after the other, prints a table and writes the figures as JSON. `--help` lists the options.

mod design;
mod growth;
mod loopback;
mod report;
mod rig;
mod scenarios;
mod server;
mod settings;

use std::{fs, io::Write as _, process::ExitCode};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;

use settings::{Failure, SCENARIOS, Settings};

const HELP: &str = "\
usage: fairlead-load [--scenario NAME]... [--clients N] [--services N] [--sotw] [--growth] [--design]
                     [--json FILE] [--fairlead FILE]

  --scenario NAME  run only this scenario (may be repeated)
  --clients N      number of clients (default: each scenario's own)
  --services N     number of services (default: 1,000)
  --sotw           state of the world instead of delta
  --growth         the scenarios of unscoped sidecars at 100, 1,000 and 10,000 services, and at 100, 1,000 and
                   5,000 clients, with the exponent of the growth of each figure
  --design         10,000 services, 100,000 endpoints and 5,000 scoped clients
  --json FILE      the file to write the figures to (default: target/load/figures.json)
  --fairlead FILE  the binary to measure (default: the `fairlead` beside this program)

scenarios: ";

fn main() -> ExitCode {
    let mut out = std::io::stdout();
    let done = Settings::parse(std::env::args().skip(1)).and_then(|settings| match settings {
        None => Ok(writeln!(out, "{HELP}{}", SCENARIOS.join(", "))?),
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

/// Raises the limit of open files as far as allowed: a connection is a file on each side.
fn allow_open_files() -> Result<(), Failure> {
    let limit = getrlimit(Resource::Nofile);
    Ok(setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })?)
}

/// The machine on which the figures were measured.
fn machine() -> serde_json::Value {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let cpus = std::thread::available_parallelism().map_or(0, usize::from);
    json!({"cpus": cpus, "load_average": load.trim()})
}
