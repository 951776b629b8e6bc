//! What surrounds the proxy of a scenario: servers `one` to `four`, a server behind every other address, and pods.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use fairlead_testkit::{
    app::{App, ServerTls, TcpEcho},
    certs::Ca,
    netns::{Fabric, Inside, NetnsError, Pod},
};

/// The servers at 10.244.0.1 to .4 and fd00:10:244::1 to ::4.
const BACKENDS: [&str; 4] = ["one", "two", "three", "four"];
/// Ports of each server: HTTP, TLS, bytes of which the client's come first, and bytes of which the server's do.
const HTTP: &[u16] = &[80, 8000, 8080, 8081, 9080];
const TLS: &[u16] = &[443, 8443];
const TCP: &[u16] = &[9000, 3306];
const GREETING: &[u16] = &[9001];

/// Everything that the scenarios of one run share.
pub(crate) struct World {
    fabric: Fabric,
    caller: Pod,
    elsewhere: Pod,
    _servers: Vec<Inside>,
}

/// Where one scenario at a time is played.
pub(crate) struct Place {
    /// A pod whose connections are redirected to the ports of a sidecar.
    pub(crate) workload: Pod,
    /// A pod without redirection, for a gateway.
    pub(crate) gateway: Pod,
    /// A pod without a proxy.
    pub(crate) caller: Pod,
    _servers: Vec<Inside>,
}

impl World {
    /// Makes the fabric and starts the servers.
    pub(crate) fn new() -> Result<Self, NetnsError> {
        let mut fabric = Fabric::new()?;
        let (caller, elsewhere, backends) =
            (fabric.pod("caller")?, fabric.pod("else")?, fabric.pod("backends")?);
        let mut addresses = Vec::new();
        for (number, name) in (1u8..).zip(BACKENDS) {
            let (v4, v6) = (
                Ipv4Addr::new(10, 244, 0, number),
                Ipv6Addr::new(0xfd00, 0x10, 0x244, 0, 0, 0, 0, number.into()),
            );
            backends.output("ip", &["addr", "add", &format!("{v4}/32"), "dev", "eth0"])?;
            backends.output("ip", &["-6", "addr", "add", &format!("{v6}/128"), "dev", "eth0", "nodad"])?;
            addresses.extend([(name, IpAddr::from(v4)), (name, v6.into())]);
        }
        // Every address is its own; the pods themselves are nearer by the more specific route.
        elsewhere.output("ip", &["route", "replace", "local", "default", "dev", "lo", "table", "main"])?;
        elsewhere
            .output("ip", &["-6", "route", "replace", "local", "default", "dev", "lo", "table", "main"])?;
        // A socket of both families.
        let everywhere = vec![("elsewhere", Ipv6Addr::UNSPECIFIED.into())];
        let servers = vec![serve(&backends, addresses)?, serve(&elsewhere, everywhere)?];
        lead_elsewhere(&caller, &elsewhere)?;
        Ok(Self { fabric, caller, elsewhere, _servers: servers })
    }

    /// A pod in which nothing listens, and a proxy may listen anywhere.
    pub(crate) fn empty_pod(&mut self, name: &str) -> Result<Pod, NetnsError> {
        let pod = self.fabric.pod(name)?;
        for setting in [
            "net.ipv4.ip_unprivileged_port_start=0",
            "net.ipv4.ip_nonlocal_bind=1",
            "net.ipv6.ip_nonlocal_bind=1",
        ] {
            pod.output("sysctl", &["-q", "-w", setting])?;
        }
        Ok(pod)
    }

    /// Another place.
    pub(crate) fn place(&mut self, number: usize) -> Result<Place, NetnsError> {
        let workload = self.fabric.pod(&format!("w{number}"))?;
        let gateway = self.fabric.pod(&format!("g{number}"))?;
        for pod in [&workload, &gateway] {
            lead_elsewhere(pod, &self.elsewhere)?;
            // Envoy is not root, and gateways listen on port 80.
            pod.output("sysctl", &["-q", "-w", "net.ipv4.ip_unprivileged_port_start=0"])?;
        }
        workload.redirect()?;
        let here = vec![
            ("app", workload.ip().into()),
            ("app", workload.ipv6().into()),
            ("loopback", Ipv4Addr::LOCALHOST.into()),
        ];
        let servers = vec![serve(&workload, here)?];
        Ok(Place { workload, gateway, caller: self.caller.clone(), _servers: servers })
    }
}

/// Sends what is not for a pod to the server of all other addresses.
fn lead_elsewhere(pod: &Pod, elsewhere: &Pod) -> Result<(), NetnsError> {
    pod.output("ip", &["route", "replace", "default", "via", &elsewhere.ip().to_string()])?;
    pod.output("ip", &["-6", "route", "replace", "default", "via", &elsewhere.ipv6().to_string()])?;
    Ok(())
}

/// Starts the servers of these names at these addresses of a pod.
fn serve(pod: &Pod, addresses: Vec<(&'static str, IpAddr)>) -> Result<Inside, NetnsError> {
    let made = pod.keep(move || servers(addresses));
    made.map_err(|error| NetnsError::Unavailable(format!("servers in {}: {error}", pod.namespace())))
}

async fn servers(addresses: Vec<(&'static str, IpAddr)>) -> io::Result<(Vec<App>, Vec<TcpEcho>)> {
    let ca = Ca::new("scenarios").map_err(io::Error::other)?;
    let (mut apps, mut echoes) = (Vec::new(), Vec::new());
    for (name, ip) in addresses {
        let tls = ServerTls::simple(ca.server(&[name]).map_err(io::Error::other)?);
        for port in HTTP {
            apps.push(App::http(name, "v1", SocketAddr::new(ip, *port)).await?);
        }
        for port in TLS {
            apps.push(App::https(&format!("tls-{name}"), "v1", SocketAddr::new(ip, *port), &tls).await?);
        }
        for port in TCP {
            echoes.push(TcpEcho::start(&format!("tcp-{name}"), SocketAddr::new(ip, *port)).await?);
        }
        for port in GREETING {
            echoes.push(TcpEcho::speaking_first(&format!("tcp-{name}"), SocketAddr::new(ip, *port)).await?);
        }
    }
    Ok((apps, echoes))
}
