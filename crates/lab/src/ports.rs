//! Loopback addresses and ports that no other test uses.
//!
//! All of 127.0.0.0/8 can be bound to without set-up, so each test takes addresses of its own and may use well-known
//! ports on them. That is more than a convenience: Envoy binds with `SO_REUSEPORT`, so two Envoys on one address and
//! port both succeed and silently share the connections.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    sync::{Mutex, PoisonError},
};

/// The port on the last address of a block whose listener marks the block as taken.
const LOCK_PORT: u16 = 47_999;
/// Blocks are 127.1.0.0/24 to 127.254.255.0/24; 127.0.0.0/16 is left to others.
const BLOCKS: u32 = 254 * 256;
/// Host numbers 1 to 253 are handed out; 254 holds the lock.
const LAST_HOST: u8 = 253;
const LOCK_HOST: u8 = 254;

/// The block from which this process allocates addresses, and the earlier ones that are used up.
///
/// Process-wide because the loopback network is shared by the whole process.
static ALLOCATOR: Mutex<Allocator> =
    Mutex::new(Allocator { blocks: Vec::new(), next_host: 0, ports: Vec::new() });

struct Allocator {
    blocks: Vec<Block>,
    next_host: u8,
    /// The allocated ports, so that two calls in quick succession never return the same.
    ports: Vec<SocketAddr>,
}

/// One /24 of the loopback network, held by a listener for as long as the process lives.
struct Block {
    number: u32,
    _lock: TcpListener,
}

/// An address of 127.0.0.0/8 that is not in use elsewhere in this process or in another test process.
///
/// # Panics
/// If every one of the 65,024 blocks is taken.
pub fn loopback() -> Ipv4Addr {
    let mut allocator = ALLOCATOR.lock().unwrap_or_else(PoisonError::into_inner);
    allocator.address()
}

/// An address from [`loopback`] with `port`, checked to be free now.
///
/// # Errors
/// If something listens there already, which on such an address is a listener on `0.0.0.0`.
pub fn at(port: u16) -> io::Result<SocketAddr> {
    let address = SocketAddr::new(IpAddr::V4(loopback()), port);
    check_free(address)?;
    Ok(address)
}

/// A port of `ip` that is free now and was not allocated before by this process.
///
/// # Errors
/// If the system has no free port.
pub fn free_port(ip: IpAddr) -> io::Result<SocketAddr> {
    let mut allocator = ALLOCATOR.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        let address = TcpListener::bind((ip, 0))?.local_addr()?;
        if !allocator.ports.contains(&address) {
            allocator.ports.push(address);
            return Ok(address);
        }
    }
}

/// Fails if something listens on `address`, even with `SO_REUSEPORT`.
///
/// # Errors
/// The error of the bind.
pub fn check_free(address: SocketAddr) -> io::Result<()> {
    TcpListener::bind(address).map(drop)
}

impl Allocator {
    fn address(&mut self) -> Ipv4Addr {
        if self.blocks.is_empty() || self.next_host > LAST_HOST {
            let from = self.blocks.last().map_or_else(first_block, |block| block.number + 1);
            self.blocks.push(take_block(from));
            self.next_host = 1;
        }
        let block = self.blocks.last().expect("a block was taken above").number;
        let host = self.next_host;
        self.next_host += 1;
        address_in(block, host)
    }
}

/// The block at which a process starts to search: neighbouring process ids start far apart, so that each can grow.
fn first_block() -> u32 {
    std::process::id().wrapping_mul(2_654_435_761) % BLOCKS
}

fn take_block(from: u32) -> Block {
    (0..BLOCKS)
        .map(|step| (from + step) % BLOCKS)
        .find_map(|number| {
            let lock = TcpListener::bind((address_in(number, LOCK_HOST), LOCK_PORT)).ok()?;
            Some(Block { number, _lock: lock })
        })
        .expect("one of 65,024 loopback blocks is free")
}

fn address_in(block: u32, host: u8) -> Ipv4Addr {
    let [_, _, high, low] = block.to_be_bytes();
    Ipv4Addr::new(127, high + 1, low, host)
}

#[cfg(test)]
mod tests;
