//! `fairlead demo`: a mesh of real Envoys on loopback, and a walk through what it can do.
//!
//! | module | what it is |
//! |---|---|
//! | [`mesh`] | the services and their addresses, and the files that describe them |
//! | [`application`] | the HTTP servers that play the services |
//! | [`lab`] | all of it running: applications, control plane, Envoys |
//! | [`steps`] | what is edited, sent and counted |
//! | [`output`] | how it is told |

mod application;
mod farewell;
mod lab;
mod mesh;
mod output;
mod steps;

use std::{path::PathBuf, process::ExitCode, time::Instant};

use tokio::signal::unix::{SignalKind, signal};

use crate::exit;
use lab::Lab;
use output::{Look, Output, line};

/// How the process ends after Ctrl-C in the middle: as a shell has it for SIGINT.
const INTERRUPTED: u8 = 130;

/// Run a small mesh of real Envoys on loopback, and walk through what it can do.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  fairlead demo
  fairlead demo --keep
  fairlead demo --keep --no-steps --dir my-mesh/

It needs stock Envoy 1.40: FAIRLEAD_ENVOY names it, or tests/tools/fetch-envoy.sh fetches it (`make demo` does).
Ctrl-C ends it with everything that it has started. The exit code is 0 if every step ended with ✓.")]
pub(crate) struct Args {
    /// Keep the mesh running after the steps, until Ctrl-C.
    #[arg(long)]
    keep: bool,
    /// Take no steps: with --keep, a mesh to play with.
    #[arg(long)]
    no_steps: bool,
    /// Write the configuration into this directory, and leave it there. It must be empty; it is made if need be.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Runs it.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        // Before anything starts, so that a signal at any time is seen.
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let interrupted = async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        tokio::pin!(interrupted);
        demonstrate(args, Output::standard(), interrupted).await
    })
}

async fn demonstrate(
    args: &Args,
    out: Output,
    mut interrupted: impl Future<Output = ()> + Unpin,
) -> anyhow::Result<ExitCode> {
    fairlead_testkit::envoy_binary::find()?;
    let mut lab = tokio::select! {
        lab = Lab::set_up(args.dir.as_deref()) => lab?,
        () = &mut interrupted => return Ok(ExitCode::from(INTERRUPTED)),
    };
    let ended = tokio::select! {
        good = walk(args, &mut lab, out) => Some(good),
        () = &mut interrupted => None,
    };
    let code = match ended {
        Some(Ok(good)) => {
            if args.keep {
                farewell::say(&lab, out)?;
                interrupted.await;
                line("")?;
            }
            Ok(if good { ExitCode::SUCCESS } else { ExitCode::from(exit::FAILED) })
        }
        Some(Err(error)) => Err(error),
        None => Ok(ExitCode::from(INTERRUPTED)),
    };
    lab.shut_down().await;
    code
}

/// Starts the Envoys and takes the steps; tells whether each ended well.
async fn walk(args: &Args, lab: &mut Lab, out: Output) -> anyhow::Result<bool> {
    let began = Instant::now();
    line(&out.paint(
        Look::Title,
        "A bookstore of four services in seven workloads, with a stock Envoy beside each",
    ))?;
    line(&format!("  configuration: {}", lab.directory().path().display()))?;
    lab.start_proxies(out).await?;
    if args.no_steps {
        return Ok(true);
    }
    let mut outcomes = Vec::new();
    for (index, step) in steps::STEPS.iter().enumerate() {
        outcomes.push(steps::take(step, index + 1, lab, out).await?);
    }
    output::summary(out, &outcomes, began.elapsed())?;
    Ok(outcomes.iter().all(|outcome| outcome.good))
}
