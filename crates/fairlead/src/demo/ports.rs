//! The ports of the demo, and whether they are free.

use std::{fmt, io, net::SocketAddr};

use fairlead_lab::ports::{check_free, loopback};

/// Maximum shift with which the highest port is still valid.
pub(super) const LARGEST_SHIFT: u16 = u16::MAX - 15_014;
/// Candidates for a proposed shift.
const PROPOSED: [u16; 4] = [1_000, 10_000, 20_000, 30_000];

/// The ports of the demo, each on unused addresses of 127.0.0.0/8.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ports {
    shift: u16,
}

impl Ports {
    /// The usual ports, shifted.
    pub(super) fn shifted(shift: u16) -> Self {
        Self { shift: shift.min(LARGEST_SHIFT) }
    }

    /// The port of every service, at which a sidecar accepts its application's requests, and of the gateway.
    pub(super) fn service(self) -> u16 {
        8080 + self.shift
    }

    /// The port at which a sidecar accepts requests to its application.
    pub(super) fn inbound(self) -> u16 {
        9080 + self.shift
    }

    /// The port of Envoy's admin interface.
    pub(super) fn envoy_admin(self) -> u16 {
        15_000 + self.shift
    }

    /// The port of ADS.
    pub(super) fn xds(self) -> u16 {
        15_010 + self.shift
    }

    /// The port of the control plane's admin interface.
    pub(super) fn admin(self) -> u16 {
        15_014 + self.shift
    }

    /// Fails if one of them cannot be bound to. An unused address does not help if another process listens on all
    /// addresses.
    pub(super) fn check(self) -> Result<(), Taken> {
        self.check_by(check_free)
    }

    fn check_by(self, is_free: IsFree) -> Result<(), Taken> {
        let taken = self.taken(is_free);
        if taken.is_empty() {
            return Ok(());
        }
        let is_better = |shift: &u16| Self::shifted(*shift).taken(is_free).is_empty();
        Err(Taken { proposed: PROPOSED.into_iter().find(is_better), ports: taken })
    }

    fn taken(self, is_free: IsFree) -> Vec<Unusable> {
        let users = [
            (self.service(), "the gateway and the services"),
            (self.inbound(), "the sidecars"),
            (self.envoy_admin(), "the administration of the Envoys"),
            (self.xds(), "the control plane"),
            (self.admin(), "the administration of the control plane"),
        ];
        users.into_iter().filter_map(|(port, user)| unusable(port, user, is_free)).collect()
    }
}

/// Fails if an address cannot be bound to.
type IsFree = fn(SocketAddr) -> io::Result<()>;

/// A port that cannot be bound to.
#[derive(Debug)]
struct Unusable {
    address: SocketAddr,
    user: &'static str,
    error: io::Error,
}

fn unusable(port: u16, user: &'static str, is_free: IsFree) -> Option<Unusable> {
    let address = SocketAddr::from((loopback(), port));
    is_free(address).err().map(|error| Unusable { address, user, error })
}

/// Ports of the demo cannot be bound to.
#[derive(Debug)]
pub(super) struct Taken {
    /// A shift with which all ports are free.
    proposed: Option<u16>,
    ports: Vec<Unusable>,
}

impl fmt::Display for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the demo was not started")?;
        for Unusable { address, user, error } in &self.ports {
            let port = address.port();
            if error.kind() == io::ErrorKind::AddrInUse {
                write!(
                    f,
                    "\n  port {port} is taken: something listens on it at every address (0.0.0.0 or [::]), and the \
                     demo needs it for {user}; `ss -ltnp 'sport = :{port}'` says who"
                )?;
            } else {
                write!(f, "\n  cannot listen on {address}, for {user}: {error}")?;
            }
        }
        if let Some(shift) = self.proposed {
            write!(f, "\n  end what listens there, or let the demo have other ports: --shift-ports {shift}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Taken {}

#[cfg(test)]
mod tests;
