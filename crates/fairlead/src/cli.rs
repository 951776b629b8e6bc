//! The command line.

use clap::{Parser, Subcommand};

use crate::{
    analyze, bootstrap, completion, demo, explain, proxy_config, proxy_status, render, serve, version,
};

/// A service-mesh control plane that reads Istio's kinds and serves stock Envoy.
///
/// Exit codes: 0 for success; 1 if there are findings or the command failed; 2 for wrong usage; 3 if the server that was
/// asked cannot be reached.
#[derive(Debug, Parser)]
#[command(name = "fairlead", version = fairlead_control_plane::version::TEXT, max_term_width = 100)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands. Their descriptions are at their arguments, for both the short and the long help.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Serve(serve::Args),
    Bootstrap(bootstrap::Args),
    #[command(visible_alias = "ps")]
    ProxyStatus(proxy_status::Args),
    #[command(visible_alias = "pc")]
    ProxyConfig(proxy_config::Args),
    Analyze(analyze::Args),
    Render(render::Args),
    Demo(demo::Args),
    Explain(explain::Args),
    Version(version::Args),
    Completion(completion::Args),
}

#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;
