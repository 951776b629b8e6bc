//! Network namespaces that play pods, with the interception rules of a real one.
//!
//! A [`Fabric`] is a bridge in a namespace of its own, so that nothing outside can reach the pods; each [`Pod`]
//! is a namespace on it with an address of 10.244.0.0/16 and one of fd00:10:244::/64. Everything is torn down
//! when the fabric is dropped, and what a killed run has left is removed by the next one.
//!
//! Needs root, or unprivileged user namespaces; [`available`] says which of these there is, or why neither.

mod commands;
mod inside;

use std::{
    ffi::OsString,
    io::{BufRead, BufReader},
    net::{Ipv4Addr, Ipv6Addr},
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

pub use commands::NetnsError;
use commands::{has, run, run_with_input};
use fairlead_lab::process::Process;

pub use inside::Inside;

/// The user and group that the proxy runs as, and the mark that stands for them in a user namespace.
pub const PROXY_ID: u32 = 1337;

const RULES_V4: &str = include_str!("../data/redirect.v4");
const RULES_V6: &str = include_str!("../data/redirect.v6");
/// The namespaces of this crate are named `fl<process id>x<number>-<pod>`.
const PREFIX: &str = "fl";

/// Numbers the fabrics of this process: namespace names are shared by the whole machine.
static FABRICS: AtomicU32 = AtomicU32::new(0);

/// The privilege by which this process can create namespaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privilege {
    /// It is root. The proxy is told apart by its user id, as in a real pod.
    Root,
    /// A user namespace in which it is root and there is no other user. The proxy is told apart by a mark: its
    /// sockets need the option `SO_MARK` = [`PROXY_ID`].
    UserNamespace,
}

/// The privilege that is available here.
///
/// # Errors
/// Why none is available, as `skipped: ...`.
pub fn available() -> Result<Privilege, String> {
    for tool in ["ip", "iptables-restore", "unshare", "nsenter", "setpriv"] {
        if !has(tool) {
            return Err(format!(
                "skipped: `{tool}` is not on the PATH (packages iproute2, iptables, util-linux)"
            ));
        }
    }
    let as_root = run(Command::new("unshare").args(["--net", "--mount", "true"]));
    let Err(as_root) = as_root else { return Ok(Privilege::Root) };
    match run(Command::new("unshare").args(["--user", "--map-root-user", "--net", "--mount", "true"])) {
        Ok(_) => Ok(Privilege::UserNamespace),
        Err(as_user) => {
            Err(format!("skipped: no network namespaces: {as_root}; no user namespaces: {as_user}"))
        }
    }
}

/// A bridge that pods are attached to.
#[derive(Debug)]
pub struct Fabric {
    id: String,
    privilege: Privilege,
    /// In a user namespace, the process that keeps it.
    holder: Option<Process>,
    pods: u8,
    namespaces: Vec<String>,
}

/// One network namespace on a fabric.
#[derive(Clone, Debug)]
pub struct Pod {
    namespace: String,
    enter: Vec<OsString>,
    privilege: Privilege,
    ip: Ipv4Addr,
    ipv6: Ipv6Addr,
}

impl Fabric {
    /// Makes a fabric by whatever [`available`] finds.
    ///
    /// # Errors
    /// If nothing is available, or a command fails.
    pub fn new() -> Result<Self, NetnsError> {
        Self::with(available().map_err(NetnsError::Unavailable)?)
    }

    /// Makes a fabric with this privilege.
    ///
    /// # Errors
    /// If a command fails.
    pub fn with(privilege: Privilege) -> Result<Self, NetnsError> {
        let number = FABRICS.fetch_add(1, Ordering::Relaxed);
        let id = format!("{PREFIX}{}x{number}", std::process::id());
        let holder = match privilege {
            Privilege::Root => {
                remove_leftovers()?;
                None
            }
            Privilege::UserNamespace => Some(hold_user_namespace()?),
        };
        let mut fabric = Self { id, privilege, holder, pods: 0, namespaces: Vec::new() };
        let bridge = fabric.add_namespace("fabric")?;
        for command in [
            &["link", "add", "br0", "type", "bridge"][..],
            &["addr", "add", "10.244.255.254/16", "dev", "br0"],
            &["-6", "addr", "add", "fd00:10:244::ffff/64", "dev", "br0", "nodad"],
            &["link", "set", "br0", "up"],
            &["link", "set", "lo", "up"],
        ] {
            fabric.ip_in(&bridge, command)?;
        }
        Ok(fabric)
    }

    /// How the pods of this fabric distinguish the proxy from the application.
    pub fn privilege(&self) -> Privilege {
        self.privilege
    }

    /// Attaches a pod. Its name is part of its namespace's name; at most eight characters are good.
    ///
    /// # Errors
    /// If a command fails.
    pub fn pod(&mut self, name: &str) -> Result<Pod, NetnsError> {
        self.pods = self.pods.checked_add(1).ok_or_else(|| NetnsError::Unavailable("255 pods".to_owned()))?;
        let number = self.pods;
        let (ip, ipv6) = (
            Ipv4Addr::new(10, 244, 1, number),
            Ipv6Addr::new(0xfd00, 0x10, 0x244, 0, 0, 0, 1, number.into()),
        );
        let bridge = format!("{}-fabric", self.id);
        let pod = self.add_namespace(name)?;
        let port = format!("v{number}");
        self.ip_in(&bridge, &["link", "add", &port, "type", "veth", "peer", "name", "eth0", "netns", &pod])?;
        self.ip_in(&bridge, &["link", "set", &port, "master", "br0", "up"])?;
        let (address, address6) = (format!("{ip}/16"), format!("{ipv6}/64"));
        for command in [
            &["link", "set", "lo", "up"][..],
            &["addr", "add", &address, "dev", "eth0"],
            &["-6", "addr", "add", &address6, "dev", "eth0", "nodad"],
            &["link", "set", "eth0", "up"],
            // Without a default route the address of a service would be unreachable before any rule sees it.
            &["route", "add", "default", "via", "10.244.255.254"],
            &["-6", "route", "add", "default", "via", "fd00:10:244::ffff"],
            // The twin of 127.0.0.6, which the proxy calls the application from.
            &["-6", "addr", "add", "::6/128", "dev", "lo", "nodad"],
        ] {
            self.ip_in(&pod, command)?;
        }
        let mut enter = self.enter();
        enter.extend(["ip", "netns", "exec", &pod].map(OsString::from));
        Ok(Pod { namespace: pod, enter, privilege: self.privilege, ip, ipv6 })
    }

    fn add_namespace(&mut self, name: &str) -> Result<String, NetnsError> {
        let namespace = format!("{}-{name}", self.id);
        run(command(&self.enter(), "ip").args(["netns", "add", &namespace]))?;
        self.namespaces.push(namespace.clone());
        Ok(namespace)
    }

    fn ip_in(&self, namespace: &str, arguments: &[&str]) -> Result<(), NetnsError> {
        run(command(&self.enter(), "ip").args(["-n", namespace]).args(arguments)).map(drop)
    }

    /// The command that enters the place of the namespaces.
    fn enter(&self) -> Vec<OsString> {
        let Some(holder) = &self.holder else { return Vec::new() };
        let id = holder.id().to_string();
        ["nsenter", "--target", &id, "--user", "--net", "--mount", "--preserve-credentials"]
            .map(OsString::from)
            .into()
    }
}

impl Drop for Fabric {
    fn drop(&mut self) {
        // A user namespace goes with its holder, and with it everything in it.
        if self.holder.is_some() {
            return;
        }
        for namespace in self.namespaces.iter().rev() {
            if let Err(error) = run(Command::new("ip").args(["netns", "delete", namespace])) {
                eprintln!("{error}");
            }
        }
    }
}

impl Pod {
    /// Its address.
    pub fn ip(&self) -> Ipv4Addr {
        self.ip
    }

    /// Its IPv6 address.
    pub fn ipv6(&self) -> Ipv6Addr {
        self.ipv6
    }

    /// The name of its network namespace.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// A command that runs in the pod as root, that is, as an application.
    pub fn command(&self, program: &str) -> Command {
        command(&self.enter, program)
    }

    /// Runs a command in the pod to its end and gives its standard output.
    ///
    /// # Errors
    /// If it cannot be started or fails; the error holds what it said.
    pub fn output(&self, program: &str, arguments: &[&str]) -> Result<String, NetnsError> {
        run(self.command(program).args(arguments))
    }

    /// The wrapper of the proxy's command: the pod and, as root, the proxy's user.
    pub fn proxy_wrapper(&self) -> Vec<OsString> {
        let mut wrapper = self.enter.clone();
        if self.privilege == Privilege::Root {
            let id = PROXY_ID.to_string();
            wrapper.extend(["setpriv", "--reuid", &id, "--regid", &id, "--clear-groups"].map(OsString::from));
        }
        wrapper
    }

    /// Applies the REDIRECT rules: connections of the application go to port 15001, those from outside to
    /// 15006, and those of the proxy are let through.
    ///
    /// # Errors
    /// If the rules cannot be loaded.
    pub fn redirect(&self) -> Result<(), NetnsError> {
        let rules = |text: &str| match self.privilege {
            Privilege::Root => text.to_owned(),
            Privilege::UserNamespace => by_mark(text),
        };
        run_with_input(self.command("iptables-restore").arg("--noflush"), &rules(RULES_V4))?;
        run_with_input(self.command("ip6tables-restore").arg("--noflush"), &rules(RULES_V6))
    }
}

/// The rules with the proxy's mark in place of its user, and without its group.
fn by_mark(rules: &str) -> String {
    let lines = rules.lines().filter(|line| !line.contains("--gid-owner"));
    let marked = lines.map(|line| {
        line.replace("-m owner ! --uid-owner", "-m mark ! --mark")
            .replace("-m owner --uid-owner", "-m mark --mark")
    });
    marked.map(|line| line + "\n").collect()
}

fn command(enter: &[OsString], program: &str) -> Command {
    match enter.split_first() {
        None => Command::new(program),
        Some((first, rest)) => {
            let mut command = Command::new(first);
            command.args(rest).arg(program);
            command
        }
    }
}

/// A process that keeps a user namespace with a `/run` of its own, in which `ip netns` may write.
fn hold_user_namespace() -> Result<Process, NetnsError> {
    let script = "mount -t tmpfs tmpfs /run && mkdir /run/netns && echo ready && exec sleep infinity";
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--net", "--mount", "sh", "-c", script]);
    let (reader, writer) = std::io::pipe().map_err(|error| NetnsError::start("pipe", error))?;
    command.stdin(Stdio::null()).stdout(writer);
    let holder = Process::spawn(&mut command).map_err(|error| NetnsError::start("unshare", error))?;
    // The command holds the other end of the pipe; without it the end of the process is the end of the pipe.
    drop(command);
    let mut line = String::new();
    BufReader::new(reader).read_line(&mut line).map_err(|error| NetnsError::start("unshare", error))?;
    if line == "ready\n" {
        Ok(holder)
    } else {
        Err(NetnsError::Unavailable("the user namespace ended".to_owned()))
    }
}

/// Deletes namespaces of processes that are gone.
fn remove_leftovers() -> Result<(), NetnsError> {
    for line in run(Command::new("ip").args(["netns", "list"]))?.lines() {
        let name = line.split_whitespace().next().unwrap_or_default();
        let owner = name.strip_prefix(PREFIX).and_then(|rest| rest.split_once('x')).map(|(owner, _)| owner);
        let Some(owner) = owner.and_then(|owner| owner.parse::<u32>().ok()) else { continue };
        if !std::path::Path::new(&format!("/proc/{owner}")).exists()
            // Another process may have deleted it at the same moment, which is just as well.
            && let Err(error) = run(Command::new("ip").args(["netns", "delete", name]))
        {
            eprintln!("{error}");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
