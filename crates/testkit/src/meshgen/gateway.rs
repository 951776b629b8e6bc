//! A gateway with any number of HTTPS servers, and their certificates.

use rcgen::{CertificateParams, KeyPair};

use super::{MeshSpec, write};

impl MeshSpec {
    /// The Gateway `edge` of the first namespace with the Service in front of it, and a VirtualService that
    /// routes the hosts of all its servers to the first service. If `changed` is a server, that one wants TLS 1.3.
    ///
    /// Its Secrets are in [`MeshSpec::gateway_secrets`]: they are not the same each time.
    pub fn gateway(&self, changed: Option<usize>) -> String {
        let ns = self.namespace_of(0);
        let mut yaml = format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: edge, namespace: {ns}}}\nspec:\n  \
             clusterIP: 10.95.0.1\n  selector: {{istio: edge}}\n  \
             ports: [{{name: https, port: 443, targetPort: 8443, protocol: TCP}}]\n---\n\
             apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: edge, namespace: {ns}}}\n\
             spec:\n  hosts: [\"*.edge.example.com\"]\n  gateways: [edge]\n  \
             http: [{{route: [{{destination: {{host: {target}}}}}]}}]\n---\n\
             apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {{name: edge, namespace: {ns}}}\n\
             spec:\n  selector: {{istio: edge}}\n  servers:\n",
            target = self.host(0),
        );
        for i in 0..self.gateway_servers {
            let version = if changed == Some(i) { "TLSV1_3" } else { "TLSV1_2" };
            write(
                &mut yaml,
                format_args!(
                    "  - {{port: {{number: 443, name: https-{i}, protocol: HTTPS}}, hosts: [{host}], \
                     tls: {{mode: SIMPLE, credentialName: edge-{i}, minProtocolVersion: {version}}}}}\n",
                    host = server_host(i),
                ),
            );
        }
        yaml
    }

    /// The Secrets of the gateway's servers: a certificate for each host, all of them for one new key.
    ///
    /// # Errors
    /// If a certificate cannot be made.
    pub fn gateway_secrets(&self) -> Result<String, rcgen::Error> {
        let ns = self.namespace_of(0);
        let key = KeyPair::generate()?;
        let quoted = |pem: &str| serde_json::Value::from(pem).to_string();
        let key_pem = quoted(&key.serialize_pem());
        let mut yaml = String::new();
        for i in 0..self.gateway_servers {
            let certificate = CertificateParams::new(vec![server_host(i)])?.self_signed(&key)?;
            write(
                &mut yaml,
                format_args!(
                    "---\napiVersion: v1\nkind: Secret\nmetadata: {{name: edge-{i}, namespace: {ns}}}\n\
                     type: kubernetes.io/tls\nstringData:\n  tls.crt: {certificate}\n  tls.key: {key_pem}\n",
                    certificate = quoted(&certificate.pem()),
                ),
            );
        }
        Ok(yaml)
    }
}

/// The host of server `i` of the gateway.
fn server_host(i: usize) -> String {
    format!("server-{i}.edge.example.com")
}
