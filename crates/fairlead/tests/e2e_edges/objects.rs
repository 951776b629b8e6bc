//! YAML that several tests write, and lines over TCP.

use std::{io, net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
};

/// How long a line may take.
const LINE_WITHIN: Duration = Duration::from_secs(5);

/// A ServiceEntry of fixed endpoints, all of `version: v1`.
pub(crate) struct External {
    host: &'static str,
    port: u16,
    protocol: &'static str,
    endpoints: Vec<SocketAddr>,
}

impl External {
    /// Port `port` of `host`, outside the mesh, served at `endpoints`.
    pub(crate) fn new(
        host: &'static str,
        port: u16,
        protocol: &'static str,
        endpoints: &[SocketAddr],
    ) -> Self {
        Self { host, port, protocol, endpoints: endpoints.to_vec() }
    }

    /// Its YAML, in `namespace`.
    pub(crate) fn yaml(&self, namespace: &str) -> String {
        let Self { host, port, protocol, endpoints } = self;
        let (name, port_name) = (host.replace('.', "-"), protocol.to_lowercase());
        let endpoint = |at: &SocketAddr| {
            format!(
                "  - {{address: {}, ports: {{{port_name}: {}}}, labels: {{version: v1}}}}\n",
                at.ip(),
                at.port()
            )
        };
        format!(
            "---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec:\n  hosts: [{host}]\n  location: MESH_EXTERNAL\n  resolution: STATIC\n  ports: [{{number: {port}, name: {port_name}, protocol: {protocol}}}]\n  endpoints:\n{}",
            endpoints.iter().map(endpoint).collect::<String>()
        )
    }
}

/// Sends a line on a new connection and gives the line that comes back.
pub(crate) async fn line(to: SocketAddr, text: &str) -> io::Result<String> {
    let mut stream = BufReader::new(TcpStream::connect(to).await?);
    stream.write_all(format!("{text}\n").as_bytes()).await?;
    next_line(&mut stream).await
}

/// The first line that a server says on a new connection.
pub(crate) async fn greeting(from: SocketAddr) -> io::Result<String> {
    next_line(&mut BufReader::new(TcpStream::connect(from).await?)).await
}

async fn next_line(stream: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut answer = String::new();
    tokio::time::timeout(LINE_WITHIN, stream.read_line(&mut answer)).await.map_err(io::Error::other)??;
    Ok(answer.trim_end().to_owned())
}
