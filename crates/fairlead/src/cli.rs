//! The command line.

use clap::{Parser, Subcommand};

use crate::{
    analyze, bootstrap, completion, demo, explain, proxy_config, proxy_status, render, serve, version,
};

/// A service-mesh control plane for stock Envoy that reads Istio's kinds.
///
/// Exit codes: 0 all is well; 1 there are findings, or the command failed; 2 wrong usage; 3 the server that was asked
/// cannot be reached.
#[derive(Debug, Parser)]
#[command(name = "fairlead", version, max_term_width = 100, disable_help_subcommand = true)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve a directory of YAML to Envoys.
    Serve(serve::Args),
    /// Print the bootstrap of an Envoy.
    Bootstrap(bootstrap::Args),
    /// Show the connected proxies, and how far each is.
    #[command(visible_alias = "ps")]
    ProxyStatus(proxy_status::Args),
    /// Show what a proxy was sent, and where it comes from.
    #[command(visible_alias = "pc")]
    ProxyConfig(proxy_config::Args),
    /// Check a directory of YAML without a server.
    Analyze(analyze::Args),
    /// Print the resources that a proxy would be sent, without a server.
    Render(render::Args),
    /// Run a small mesh of real Envoys on loopback, and walk through what it can do.
    Demo(demo::Args),
    /// Tell what a proxy's resource was computed from.
    Explain(explain::Args),
    /// Print the version.
    Version(version::Args),
    /// Print a completion script for a shell.
    Completion(completion::Args),
}

#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;
