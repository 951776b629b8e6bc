//! `fairlead bootstrap`.

use std::{net::IpAddr, process::ExitCode};

use anyhow::bail;
use clap::ValueEnum;
use fairlead_envoy::bootstrap::{Admin, Bootstrap, Xds, XdsProtocol};

use crate::{
    exit::Usage,
    identity::Identity,
    output::{self, DataFormat},
};

/// Print the bootstrap of an Envoy that gets its configuration from Fairlead.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  fairlead bootstrap --type sidecar --name reviews-1 --namespace bookinfo --ip 127.0.0.1 \\
      --label app=reviews --label version=v1 --interception-mode none > bootstrap.yaml
  envoy -c bootstrap.yaml

  fairlead bootstrap --type gateway --label istio=ingressgateway --namespace istio-system --output json")]
pub(crate) struct Args {
    #[command(flatten)]
    identity: Identity,
    /// The address where Fairlead serves ADS.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:15010")]
    xds_address: String,
    /// The variant of xDS.
    #[arg(long, value_enum, default_value_t)]
    protocol: Protocol,
    /// The port of Envoy's admin interface, on 127.0.0.1; 0 disables it.
    #[arg(long, value_name = "PORT", default_value_t = 15000)]
    admin_port: u16,
    /// The output format.
    #[arg(long, short, value_enum, default_value_t)]
    output: DataFormat,
}

/// A variant of ADS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Protocol {
    /// Incremental: a push is as small as the change.
    #[default]
    Delta,
    /// State of the world.
    Sotw,
}

/// Prints the bootstrap.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    output::data(&bootstrap(args)?.to_json(), args.output)?;
    Ok(ExitCode::SUCCESS)
}

fn bootstrap(args: &Args) -> anyhow::Result<Bootstrap> {
    let (host, port) = address(&args.xds_address)?;
    Ok(Bootstrap {
        node: args.identity.node(),
        xds: Xds {
            host,
            port,
            protocol: match args.protocol {
                Protocol::Delta => XdsProtocol::Delta,
                Protocol::Sotw => XdsProtocol::StateOfTheWorld,
            },
            tls: None,
            token_secret_path: None,
        },
        admin: admin(args.admin_port),
        stats: None,
    })
}

/// Envoy's admin interface on loopback; `None` for port 0.
pub(crate) fn admin(port: u16) -> Option<Admin> {
    (port != 0).then(|| Admin::Socket { host: IpAddr::from([127, 0, 0, 1]), port })
}

/// `host:port`, with an IPv6 address in brackets.
fn address(text: &str) -> anyhow::Result<(String, u16)> {
    let parsed = text.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)));
    let Some((host, port)) = parsed.filter(|(host, port)| !host.is_empty() && *port != 0) else {
        bail!(Usage(format!("--xds-address `{text}` is not of the form host:port")));
    };
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    Ok((host.to_owned(), port))
}

#[cfg(test)]
mod tests;
