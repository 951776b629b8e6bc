//! The names of resources, in Istio's form, which users' tools know. Names are written, never parsed back.

use std::{net::IpAddr, sync::Arc};

use fairlead_model::{CertificateSource, Host, gateway::ClientCa};

/// The cluster to which sidecars send traffic that no service claims, where that is allowed.
pub const PASSTHROUGH_CLUSTER: &str = "PassthroughCluster";
/// The cluster without endpoints, to which sidecars send traffic that they refuse.
pub const BLACK_HOLE_CLUSTER: &str = "BlackHoleCluster";
/// The cluster to which inbound traffic goes that no service claims.
pub const INBOUND_PASSTHROUGH_CLUSTER: &str = "InboundPassthroughCluster";
/// The listener that redirected outbound traffic arrives at.
pub const VIRTUAL_OUTBOUND: &str = "virtualOutbound";
/// The listener that redirected inbound traffic arrives at.
pub const VIRTUAL_INBOUND: &str = "virtualInbound";
/// The virtual host that passes on requests to hosts that no service claims.
pub const ALLOW_ANY: &str = "allow_any";
/// The virtual host that refuses requests to hosts that no service claims.
pub const BLOCK_ALL: &str = "block_all";
/// The name of a route that no VirtualService names.
pub const DEFAULT_ROUTE: &str = "default";
/// The listener and route table of the explicit HTTP proxy.
pub const HTTP_PROXY: &str = "http_proxy";

/// `outbound|<port>|<subset>|<host>`.
pub fn outbound_cluster(port: u16, subset: &str, host: &Host) -> Arc<str> {
    outbound_cluster_text(port, subset, host).into()
}

/// Like [`outbound_cluster`], for writing into a message.
pub(crate) fn outbound_cluster_text(port: u16, subset: &str, host: &Host) -> String {
    // Thousands are written, and `format!` takes several times as long.
    ["outbound|", &port.to_string(), "|", subset, "|", host.as_str()].concat()
}

/// `inbound|<port>||`.
pub fn inbound_cluster(port: u16) -> Arc<str> {
    format!("inbound|{port}||").into()
}

/// `<bind>_<port>`.
pub fn listener(bind: &str, port: u16) -> Arc<str> {
    format!("{bind}_{port}").into()
}

/// A filter chain of a gateway's TLS listener: `<listener>/<host>`. What precedes the `/` tells whose it is.
pub fn gateway_chain(listener: &str, host: &str) -> String {
    [listener, "/", host].concat()
}

/// The route table of the HTTP services of a port: `<port>`.
pub fn port_route(port: u16) -> Arc<str> {
    port.to_string().into()
}

/// The route table of a further listener of a port, on another address: `<port>.<address>`.
pub fn bound_route(port: u16, address: IpAddr) -> Arc<str> {
    format!("{port}.{address}").into()
}

/// The route table of a listener on a UNIX domain socket. It has no `/`, which would end the name of the table in
/// the names of its virtual hosts.
pub fn unix_route(path: &str) -> Arc<str> {
    format!("unix:{}", path.trim_start_matches('/').replace('/', ":")).into()
}

/// The route table of a service port whose protocol is detected, on an address of its own: `<host>:<port>`.
pub fn sniffed_route(host: &Host, port: u16) -> Arc<str> {
    format!("{host}:{port}").into()
}

/// The route table of a gateway's plaintext HTTP listener: `http.<listener port>[.<bind>]`.
pub fn gateway_http_route(port: u16, bind: Option<&str>) -> Arc<str> {
    match bind.map(bind_part) {
        Some(bind) => format!("http.{port}.{bind}").into(),
        None => format!("http.{port}").into(),
    }
}

/// The address of a listener in the name of a table, without the `/` of a path.
fn bind_part(bind: &str) -> Arc<str> {
    bind.strip_prefix("unix://").map_or_else(|| bind.into(), unix_route)
}

/// The route table of a gateway's HTTPS server:
/// `https.<server port>.<port name>.<gateway>.<namespace>[:<bind>]`.
///
/// No two servers have the same: the port's name has neither dot nor slash left in it, and neither a Gateway's name
/// nor its namespace has a colon.
pub fn gateway_https_route(
    port: u16,
    port_name: &str,
    gateway: &str,
    namespace: &str,
    bind: Option<&str>,
) -> Arc<str> {
    let port = port.to_string();
    let name = ["https.", &port, ".", &word(port_name), ".", gateway, ".", namespace].concat();
    bind.map(bind_part).map_or(name.as_str().into(), |bind| format!("{name}:{bind}").into())
}

/// `text` with each byte but letters, digits, `-` and `_` escaped as `%` and its value: a part of a name whose parts
/// are separated by other characters.
fn word(text: &str) -> String {
    let mut word = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => word.push(char::from(byte)),
            _ => word.extend(format!("%{byte:02X}").chars()),
        }
    }
    word
}

/// `<host>:<port>`.
pub fn virtual_host(host: &Host, port: u16) -> Arc<str> {
    [host.as_str(), ":", &port.to_string()].concat().into()
}

/// The virtual host of an inbound HTTP port: `inbound|http|<port>`.
pub fn inbound_virtual_host(port: u16) -> String {
    format!("inbound|http|{port}")
}

/// The virtual host of a gateway table that no VirtualService binds to: `blackhole:<port>`.
pub fn blackhole_virtual_host(port: u16) -> Arc<str> {
    format!("blackhole:{port}").into()
}

/// The SDS name of a server's certificate.
pub fn certificate(source: &CertificateSource) -> Arc<str> {
    match source {
        CertificateSource::Secret(name) => credential(name),
        CertificateSource::Files { certificate, key } => file_certificate(certificate, key),
    }
}

/// The SDS name of the authorities that client certificates are verified against.
pub fn authorities(ca: &ClientCa) -> Arc<str> {
    match ca {
        ClientCa::Secret(name) => credential_ca(name),
        ClientCa::File(path) => file_ca(path),
    }
}

/// The SDS name of the certificate and key of a `credentialName`: `kubernetes://<name>`.
pub fn credential(name: &str) -> Arc<str> {
    format!("kubernetes://{name}").into()
}

/// The SDS name of a certificate and key in files of the proxy: `file-cert:<certificate>~<key>`.
fn file_certificate(certificate: &str, key: &str) -> Arc<str> {
    // The first `~` ends the certificate.
    let certificate = certificate.replace('%', "%25").replace('~', "%7E");
    format!("file-cert:{certificate}~{key}").into()
}

/// The SDS name of certificate authorities in a file of the proxy: `file-root:<path>`.
fn file_ca(path: &str) -> Arc<str> {
    format!("file-root:{path}").into()
}

/// The SDS name of the certificate authorities of a `credentialName`: `kubernetes-cacert://<name>`.
///
/// Istio's `kubernetes://<name>-cacert` is also the certificate of a Secret of that name.
pub fn credential_ca(name: &str) -> Arc<str> {
    format!("kubernetes-cacert://{name}").into()
}

#[cfg(test)]
mod tests {
    use super::{credential, credential_ca, file_certificate, gateway_https_route};

    #[test]
    fn a_secret_and_the_authorities_of_another_have_different_names() {
        assert_ne!(credential("foo-cacert"), credential_ca("foo"));
    }

    #[test]
    fn certificates_in_files_have_different_names() {
        assert_eq!(&*file_certificate("/a.crt", "/a.key"), "file-cert:/a.crt~/a.key", "as Istio writes it");
        assert_ne!(file_certificate("/a~/b", "/c"), file_certificate("/a", "/b~/c"));
        assert_ne!(file_certificate("/a~", "/c"), file_certificate("/a%7E", "/c"));
    }

    #[test]
    fn tables_of_https_servers_are_told_apart() {
        let table = |port, gateway, namespace, bind| gateway_https_route(443, port, gateway, namespace, bind);
        assert_eq!(&*table("https", "gw", "edge", None), "https.443.https.gw.edge", "as Istio writes it");
        assert_eq!(&*table("ht/tps", "gw", "edge", None), "https.443.ht%2Ftps.gw.edge");
        let alike = [
            [table("a.b", "c", "d", None), table("a", "b.c", "d", None)],
            [table("a", "b", "c", Some("10.0.0.1")), table("a", "b.c.10.0.0", "1", None)],
            [table("a/b", "c", "d", None), table("a%2Fb", "c", "d", None)],
        ];
        assert!(alike.iter().all(|[one, other]| one != other), "{alike:?}");
    }
}
