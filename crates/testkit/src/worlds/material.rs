//! Certificates and keys in the values of Secrets.

use serde_json::json;

use crate::certs::Ca;

/// What words that begin with `@` stand for in a Secret.
pub struct Material(Vec<(&'static str, String)>);

impl Material {
    /// New certificates.
    ///
    /// # Errors
    /// If they cannot be made.
    pub fn new() -> Result<Self, rcgen::Error> {
        let ca = Ca::new("test")?;
        let server = ca.server(&["example.com"])?;
        let other = ca.server(&["example.com"])?;
        let expired = ca.expired_server(&["example.com"])?;
        let authority = ca.certificate();
        Ok(Self(vec![
            ("@chain", server.certificate.clone()),
            ("@key", server.key.clone()),
            ("@other-key", other.key),
            ("@expired", expired.certificate),
            ("@ca-twice", format!("{authority}{authority}")),
            ("@ca", authority.clone()),
            ("@crl", "-----BEGIN X509 CRL-----\nAA==\n-----END X509 CRL-----\n".to_owned()),
            ("@rest", format!("of {}\n{}rest", "é", server.certificate)),
            ("@crlf", server.certificate.replace('\n', "\r\n")),
        ]))
    }

    /// The object with the words replaced.
    pub fn put_into(&self, text: &str) -> String {
        if !text.contains("\"Secret\"") {
            return text.to_owned();
        }
        let mut text = text.to_owned();
        for (word, pem) in &self.0 {
            let (word, pem) = (json!(word).to_string(), json!(pem).to_string());
            text = text.replace(&word, &pem);
        }
        text
    }
}
