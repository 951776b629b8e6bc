//! A TCP server that identifies itself.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

/// A TCP server that answers each line `x` with `<name>: x`. Dropping it closes its port and connections.
#[derive(Debug)]
pub struct TcpEcho {
    address: SocketAddr,
    connections: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

/// Who speaks first on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Greeting {
    /// The client, as in HTTP.
    None,
    /// The server, with the line `<name>`, as in SMTP or MySQL.
    Name,
}

impl TcpEcho {
    /// Serves on `address`, answering as `name` and waiting for the client to speak first.
    ///
    /// # Errors
    /// If the address cannot be bound.
    pub async fn start(name: &str, address: SocketAddr) -> io::Result<Self> {
        Self::greeting(name, address, Greeting::None).await
    }

    /// Serves on `address` and speaks first, as servers of some protocols do.
    ///
    /// # Errors
    /// If the address cannot be bound.
    pub async fn speaking_first(name: &str, address: SocketAddr) -> io::Result<Self> {
        Self::greeting(name, address, Greeting::Name).await
    }

    async fn greeting(name: &str, address: SocketAddr, greeting: Greeting) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let connections = Arc::new(AtomicU64::new(0));
        let task = tokio::spawn(accept(listener, Arc::from(name), greeting, connections.clone()));
        Ok(Self { address, connections, task })
    }

    /// The address on which it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections were accepted.
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for TcpEcho {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, name: Arc<str>, greeting: Greeting, connections: Arc<AtomicU64>) {
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.fetch_add(1, Ordering::SeqCst);
                    tasks.spawn(echo(stream, name.clone(), greeting));
                }
                Err(error) => eprintln!("{name}: accept: {error}"),
            },
            Some(_) = tasks.join_next() => {}
        }
    }
}

/// Ends with the connection, whose errors are the client's to notice.
async fn echo(mut stream: TcpStream, name: Arc<str>, greeting: Greeting) -> io::Result<()> {
    if greeting == Greeting::Name {
        stream.write_all(format!("{name}\n").as_bytes()).await?;
    }
    let mut pending = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let n = stream.read(&mut chunk).await?;
        if n == 0 {
            return Ok(());
        }
        pending.extend_from_slice(&chunk[..n]);
        while let Some(end) = pending.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = pending.drain(..=end).collect();
            stream.write_all(&[name.as_bytes(), b": ", &line].concat()).await?;
        }
    }
}
