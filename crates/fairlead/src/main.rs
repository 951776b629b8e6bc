//! The one binary of Fairlead: the control plane, and the tools around it.

mod analyze;
mod bootstrap;
mod cli;
mod client;
mod completion;
mod demo;
mod exit;
mod explain;
mod identity;
mod input;
mod logging;
mod output;
mod proxy_config;
mod proxy_status;
mod render;
mod serve;
mod version;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};

use cli::{Cli, Command};

/// Allocates faster than the system's allocator under the load of a settle, and gives memory back.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match cli.command {
        Command::Serve(args) => serve::run(&args),
        Command::Bootstrap(args) => bootstrap::run(&args),
        Command::ProxyStatus(args) => proxy_status::run(&args),
        Command::ProxyConfig(args) => proxy_config::run(&args),
        Command::Analyze(args) => analyze::run(&args),
        Command::Render(args) => render::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Version(args) => version::run(&args),
        Command::Completion(args) => completion::run(&args, &mut Cli::command()),
    };
    result.unwrap_or_else(|error| exit::report(&error))
}
