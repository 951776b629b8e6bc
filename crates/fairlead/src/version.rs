//! `fairlead version`.

use std::{collections::BTreeMap, process::ExitCode, time::Duration};

use anyhow::ensure;
use fairlead_control_plane::{admin::ProxyStatus, version::Version};
use serde::Serialize;

use crate::{client, output::Format};

/// Default admin address of the control plane.
const USUAL: &str = "127.0.0.1:15014";
/// Maximum wait for the answer of a control plane at the default address.
const PATIENCE: Duration = Duration::from_secs(2);

/// Print the version of this program, and of the control plane and its proxies if a control plane answers.
///
/// Without --server the control plane is asked at 127.0.0.1:15014, and it is no error if none answers there.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  fairlead version
  fairlead version --server 127.0.0.1:15014 --output json")]
pub(crate) struct Args {
    /// Print only the version of this program.
    #[arg(long, conflicts_with = "server")]
    client: bool,
    /// The admin address of the control plane, which is asked over plain HTTP.
    #[arg(long, value_name = "HOST:PORT", value_parser = client::server_address)]
    server: Option<String>,
    /// The output format.
    #[arg(long, short, value_enum, default_value_t)]
    output: Format,
}

/// All known versions.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Versions {
    client_version: Version,
    #[serde(skip_serializing_if = "Option::is_none")]
    server_version: Option<Version>,
    /// Number of proxies of each version of Envoy.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    proxies: BTreeMap<String, usize>,
}

/// Gets the versions and prints them.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let mut versions = Versions { client_version: Version::own(), ..Versions::default() };
    let server = args.server.as_deref().unwrap_or(USUAL);
    let asked = if args.client { Ok(None) } else { of_server(server, args.server.is_some()).map(Some) };
    // The failure to reach a server is reported after what is known.
    let failure = match asked {
        Ok(version) => {
            versions.server_version = version;
            None
        }
        Err(error) => args.server.is_some().then_some(error),
    };
    if versions.server_version.is_some() {
        versions.proxies = proxies(server);
    }
    args.output.print(&text(&versions), &versions)?;
    failure.map_or(Ok(ExitCode::SUCCESS), Err)
}

/// The version of a control plane; another server may answer at its address.
fn of_server(server: &str, is_named: bool) -> anyhow::Result<Version> {
    let version: Version = serde_json::from_value(client::version(server, (!is_named).then_some(PATIENCE))?)?;
    ensure!(!version.version.is_empty(), "http://{server}/version tells no version");
    Ok(version)
}

/// The versions of the proxies. They are not served to other machines, which is not an error.
fn proxies(server: &str) -> BTreeMap<String, usize> {
    let answer = client::proxies(server, PATIENCE).and_then(|json| Ok(serde_json::from_value(json)?));
    let proxies: Vec<ProxyStatus> = answer.unwrap_or_default();
    let mut versions = BTreeMap::new();
    for proxy in proxies {
        *versions.entry(proxy.envoy_version.unwrap_or_else(|| "unknown".to_owned())).or_default() += 1;
    }
    versions
}

fn text(versions: &Versions) -> String {
    let mut lines = vec![format!("client version: {}", versions.client_version)];
    lines.extend(versions.server_version.as_ref().map(|server| format!("server version: {server}")));
    let plural = |count| if count == 1 { "proxy" } else { "proxies" };
    let envoys =
        versions.proxies.iter().map(|(version, count)| format!("{version} ({count} {})", plural(*count)));
    let envoys = envoys.collect::<Vec<_>>().join(", ");
    if !envoys.is_empty() {
        lines.push(format!("data plane version: {envoys}"));
    }
    // The answer of a server comes from outside.
    let lines: Vec<_> = lines.iter().map(|line| fairlead_config::printable(line)).collect();
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests;
