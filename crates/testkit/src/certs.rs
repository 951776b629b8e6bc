//! A certificate authority for tests, and the certificates that it issues, as PEM.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, SanType,
};

pub use fairlead_lab::pem::CertKey;

/// A self-signed authority with a key of its own.
pub struct Ca {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Ca {
    /// A new authority called `name`. Two authorities of one name have different keys.
    ///
    /// # Errors
    /// If the name cannot stand in a certificate.
    pub fn new(name: &str) -> Result<Self, rcgen::Error> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        Ok(Self { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate()?)? })
    }

    /// The authority's own certificate, as PEM: what a peer trusts.
    pub fn certificate(&self) -> String {
        self.issuer.pem()
    }

    /// A certificate for a server that answers to `names`: DNS names, IP addresses or `spiffe://` URIs.
    ///
    /// # Errors
    /// If a name cannot stand in a certificate.
    pub fn server(&self, names: &[&str]) -> Result<CertKey, rcgen::Error> {
        self.issue(names, ExtendedKeyUsagePurpose::ServerAuth, |_| {})
    }

    /// As [`Ca::server`], valid in the year 2000 only.
    ///
    /// # Errors
    /// If a name cannot stand in a certificate.
    pub fn expired_server(&self, names: &[&str]) -> Result<CertKey, rcgen::Error> {
        self.issue(names, ExtendedKeyUsagePurpose::ServerAuth, |params| {
            params.not_before = rcgen::date_time_ymd(2000, 1, 1);
            params.not_after = rcgen::date_time_ymd(2000, 12, 31);
        })
    }

    /// A certificate for a client with `names`, as of [`Ca::server`].
    ///
    /// # Errors
    /// If a name cannot stand in a certificate.
    pub fn client(&self, names: &[&str]) -> Result<CertKey, rcgen::Error> {
        self.issue(names, ExtendedKeyUsagePurpose::ClientAuth, |_| {})
    }

    fn issue(
        &self,
        names: &[&str],
        usage: ExtendedKeyUsagePurpose,
        edit: impl FnOnce(&mut CertificateParams),
    ) -> Result<CertKey, rcgen::Error> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.distinguished_name.push(DnType::CommonName, names.first().copied().unwrap_or("nobody"));
        params.subject_alt_names =
            names.iter().map(|name| alternative_name(name)).collect::<Result<_, _>>()?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![usage];
        edit(&mut params);
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(CertKey { certificate: certificate.pem(), key: key.serialize_pem() })
    }
}

fn alternative_name(name: &str) -> Result<SanType, rcgen::Error> {
    if name.contains("://") {
        return Ok(SanType::URI(name.try_into()?));
    }
    match name.parse() {
        Ok(ip) => Ok(SanType::IpAddress(ip)),
        Err(_) => Ok(SanType::DnsName(name.try_into()?)),
    }
}
