//! Listeners: where connections arrive, and which filters they pass.
//!
//! | module | what it decides |
//! |---|---|
//! | [`outbound`] | which listeners a sidecar has towards services |
//! | [`inbound`] | those towards its application |
//! | [`gateway`] | those of a gateway |
//! | `tcp` | filter chains that proxy bytes |
//! | `claims` | which chain takes which connections |
//! | `ranges` | which chains are repeated within ranges |
//! | `http` | the HTTP connection managers of all three |

use std::net::IpAddr;

use envoy_types::pb::envoy::config::{core::v3::Address, listener::v3::Listener};
use fairlead_envoy::{address, encode};
use fairlead_model::{proxy::IpFamilies, sidecar::Bind};
use fairlead_resource::EncodedResource;

mod claims;
pub mod gateway;
mod http;
pub mod inbound;
pub mod outbound;
mod ranges;
mod tcp;

/// What the HTTP inspector calls plaintext HTTP.
const PLAINTEXT_HTTP: [&str; 2] = ["http/1.1", "h2c"];

/// The wildcard address of a family.
pub(crate) fn wildcard(families: IpFamilies) -> IpAddr {
    match families {
        IpFamilies::V6 => std::net::Ipv6Addr::UNSPECIFIED.into(),
        IpFamilies::V4 | IpFamilies::Dual => std::net::Ipv4Addr::UNSPECIFIED.into(),
    }
}

/// The loopback address of a family.
pub(crate) fn loopback(families: IpFamilies) -> IpAddr {
    match families {
        IpFamilies::V6 => std::net::Ipv6Addr::LOCALHOST.into(),
        IpFamilies::V4 | IpFamilies::Dual => std::net::Ipv4Addr::LOCALHOST.into(),
    }
}

/// The second address of a listener on every address of both families.
fn second_wildcard(bind: &Bind, families: IpFamilies, port: u16) -> Option<Address> {
    let both = *bind == Bind::Ip(wildcard(families)) && families == IpFamilies::Dual;
    both.then(|| address::address("::", port))
}

fn bind_address(bind: &Bind, port: u16) -> Address {
    match bind {
        Bind::Ip(ip) => address::address(ip.to_string(), port),
        Bind::Unix(path) => address::pipe(&**path),
    }
}

/// The name part of a bind.
fn bind_name(bind: &Bind) -> String {
    match bind {
        Bind::Ip(ip) => ip.to_string(),
        Bind::Unix(path) => path.to_string(),
    }
}

fn encoded(listener: &Listener) -> EncodedResource {
    EncodedResource::whole(listener.name.as_str(), encode(listener))
}
