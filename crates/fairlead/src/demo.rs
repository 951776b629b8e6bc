//! `fairlead demo`: a mesh of real Envoys on loopback, and a tour of its features.
//!
//! | module | what it is |
//! |---|---|
//! | [`mesh`] | the services and their addresses, and the files that describe them |
//! | [`application`] | the HTTP servers that play the services |
//! | [`running`] | all of it running: applications, control plane, Envoys |
//! | [`steps`] | what is edited, sent and counted |
//! | [`ports`] | what it listens on |
//! | [`output`], [`farewell`] | how it is told, and what to do next |

mod application;
mod farewell;
mod mesh;
mod output;
mod ports;
mod running;
mod steps;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::Instant,
};

use fairlead_lab::envoy_binary;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exit;
use output::{Look, Output};
use ports::Ports;
use running::Demo;

/// Run a small mesh of real Envoys on loopback, and demonstrate its features step by step.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  fairlead demo
  fairlead demo --keep
  fairlead demo --keep --no-steps --dir my-mesh/

It needs stock Envoy 1.40: the one that --envoy or FAIRLEAD_ENVOY names, or else the one that
tests/tools/fetch-envoy.sh (run by `make demo`) has fetched into the checkout around the working directory, or else
the first `envoy` on the PATH.
It listens on its own addresses in 127.0.0.0/8, at the ports 8080, 9080, 15000, 15010 and 15014.
Ctrl-C, SIGTERM and SIGHUP end it together with everything that it started. If it is killed, its Envoys and temporary
files are removed all the same.
The exit code is 0 if every step ended with ✓; after a signal it is 128 plus the number of the signal.")]
pub(crate) struct Args {
    /// Keep the mesh running after the steps, until Ctrl-C.
    #[arg(long)]
    keep: bool,
    /// Skip the steps. Use it with --keep, for a mesh to experiment with.
    #[arg(long)]
    no_steps: bool,
    /// Write the configuration into this directory, and leave it there. The directory must be empty, and is created if
    /// it does not exist.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// The Envoy binary to start.
    #[arg(long, value_name = "FILE")]
    envoy: Option<PathBuf>,
    /// Add this number to each port that the demo listens on.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16).range(..=i64::from(ports::LARGEST_SHIFT)))]
    shift_ports: u16,
}

/// The signals that end the demo, each with its exit code by shell convention.
struct Signals([(Signal, u8); 3]);

impl Signals {
    /// Installs the handlers.
    fn take() -> std::io::Result<Self> {
        Ok(Self([
            (signal(SignalKind::hangup())?, 128 + 1),
            (signal(SignalKind::interrupt())?, 128 + 2),
            (signal(SignalKind::terminate())?, 128 + 15),
        ]))
    }

    /// Waits for a signal and returns its exit code.
    async fn any(&mut self) -> ExitCode {
        let [(hangup, a), (interrupt, b), (terminate, c)] = &mut self.0;
        ExitCode::from(tokio::select! {
            _ = hangup.recv() => *a,
            _ = interrupt.recv() => *b,
            _ = terminate.recv() => *c,
        })
    }
}

/// Runs the demo.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let envoy = match &args.envoy {
        Some(path) => envoy_binary::named("--envoy", path)?,
        None => envoy_binary::find()?,
    };
    let ports = Ports::shifted(args.shift_ports);
    ports.check()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        // Installed before anything starts, so that no signal is missed.
        let mut signals = Signals::take()?;
        let out = Output::standard();
        warn_of_version(&envoy, out)?;
        let mut demo = tokio::select! {
            demo = Demo::set_up(envoy, ports, args.dir.as_deref()) => demo?,
            code = signals.any() => return Ok(code),
        };
        let code = demonstrate(args, &mut demo, out, &mut signals).await;
        // Shuts down in any case, even if the output can no longer be written.
        demo.shut_down().await;
        code
    })
}

/// Warns if the Envoy is not of the version that the demo is made for; it is tried anyway.
fn warn_of_version(envoy: &Path, out: Output) -> std::io::Result<()> {
    let (wanted, envoy_is) = (envoy_binary::VERSION, envoy_binary::version_of(envoy));
    let minor = |version: &str| version.rsplit_once('.').map(|(minor, _)| minor.to_owned());
    if envoy_is.as_deref().and_then(minor) == minor(wanted) {
        return Ok(());
    }
    let found = envoy_is
        .map_or_else(|| "does not say its version".to_owned(), |version| format!("is Envoy {version}"));
    out.line(&format!("{} {} {found}; the demo is made for {wanted}", out.mark(false), envoy.display()))
}

async fn demonstrate(
    args: &Args,
    demo: &mut Demo,
    out: Output,
    signals: &mut Signals,
) -> anyhow::Result<ExitCode> {
    let good = tokio::select! {
        good = walk(args, demo, out) => good?,
        code = signals.any() => return Ok(code),
    };
    if args.keep {
        farewell::say(demo, out)?;
        // A signal is the normal end.
        signals.any().await;
        out.line("")?;
    }
    let kept = demo.directory().stays().then(|| demo.directory().path());
    if kept.is_some() || !args.keep {
        farewell::after(kept, args.shift_ports, out)?;
    }
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::from(exit::FAILED) })
}

/// Starts the Envoys and runs the steps. Returns whether each succeeded.
async fn walk(args: &Args, demo: &mut Demo, out: Output) -> anyhow::Result<bool> {
    let began = Instant::now();
    out.line(&out.paint(
        Look::Title,
        "A bookstore of four services in seven workloads, with a stock Envoy beside each",
    ))?;
    let stays = if demo.directory().stays() { "" } else { ", which goes with the demo (--dir DIR stays)" };
    out.line(&format!("  configuration: {}{stays}", demo.directory().path().display()))?;
    demo.start_proxies(out).await?;
    if args.no_steps {
        return Ok(true);
    }
    let mut outcomes = Vec::new();
    for (index, step) in steps::STEPS.iter().enumerate() {
        outcomes.push(steps::take(step, index + 1, demo, out).await?);
    }
    output::summary(out, &outcomes, began.elapsed())?;
    Ok(outcomes.iter().all(|outcome| outcome.good))
}
