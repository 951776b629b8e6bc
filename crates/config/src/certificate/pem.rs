//! Blocks of PEM, found as Envoy's TLS library finds them.
//!
//! Measured on Envoy 1.40 (BoringSSL): a block begins and ends at the start of a line, whatever is between blocks;
//! trailing white space is ignored. Reading ends at the first block that cannot be read, whatever its label.

use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{GeneralPurpose, GeneralPurposeConfig},
};

/// The content of a block by its label. Other labels are arbitrary, so they are not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Label {
    Certificate,
    TrustedCertificate,
    PrivateKey,
    EncryptedPrivateKey,
    RsaPrivateKey,
    EcPrivateKey,
    DsaPrivateKey,
    OpenSshPrivateKey,
    PublicKey,
    CertificateRequest,
    Crl,
    Pkcs7,
    Other,
}

impl Label {
    fn of(name: &[u8]) -> Self {
        match name {
            b"CERTIFICATE" | b"X509 CERTIFICATE" => Self::Certificate,
            b"TRUSTED CERTIFICATE" => Self::TrustedCertificate,
            b"PRIVATE KEY" => Self::PrivateKey,
            b"ENCRYPTED PRIVATE KEY" => Self::EncryptedPrivateKey,
            b"RSA PRIVATE KEY" => Self::RsaPrivateKey,
            b"EC PRIVATE KEY" => Self::EcPrivateKey,
            b"DSA PRIVATE KEY" => Self::DsaPrivateKey,
            b"OPENSSH PRIVATE KEY" => Self::OpenSshPrivateKey,
            b"PUBLIC KEY" | b"RSA PUBLIC KEY" => Self::PublicKey,
            b"CERTIFICATE REQUEST" | b"NEW CERTIFICATE REQUEST" => Self::CertificateRequest,
            b"X509 CRL" => Self::Crl,
            b"PKCS7" | b"CMS" => Self::Pkcs7,
            _ => Self::Other,
        }
    }

    /// Whether Envoy reads the block as a private key.
    pub(super) fn is_private_key(self) -> bool {
        matches!(
            self,
            Self::PrivateKey
                | Self::EncryptedPrivateKey
                | Self::RsaPrivateKey
                | Self::EcPrivateKey
                | Self::DsaPrivateKey
        )
    }

    /// What it is, for people.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Certificate | Self::TrustedCertificate => "a certificate",
            Self::PrivateKey | Self::RsaPrivateKey | Self::EcPrivateKey | Self::DsaPrivateKey => {
                "a private key"
            }
            Self::EncryptedPrivateKey => "an encrypted private key",
            Self::OpenSshPrivateKey => "a private key in OpenSSH's own form",
            Self::PublicKey => "a public key",
            Self::CertificateRequest => "a certificate request",
            Self::Crl => "a revocation list",
            Self::Pkcs7 => "PKCS#7",
            Self::Other => "something else",
        }
    }
}

/// The lines before the base64 of a block, up to an empty one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Header {
    None,
    /// The old way to say that a key is encrypted.
    Encrypted,
    /// Anything else, which only skipped blocks may have.
    Other,
}

/// A block that could be read.
pub(super) struct Block {
    pub(super) label: Label,
    pub(super) header: Header,
    pub(super) der: Vec<u8>,
}

/// Why a block could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    NoEnd,
    NotBase64,
}

impl Broken {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::NoEnd => "has no end line of its own",
            Self::NotBase64 => "is not base64 throughout",
        }
    }
}

/// The blocks of a text in order, up to the first that cannot be read.
pub(super) fn blocks(text: &[u8]) -> impl Iterator<Item = Result<Block, Broken>> + '_ {
    let mut lines = text.split(|byte| *byte == b'\n').map(trimmed_end);
    let mut is_over = false;
    std::iter::from_fn(move || {
        if is_over {
            return None;
        }
        let name = lines.by_ref().find_map(|line| enclosed(line, b"-----BEGIN "))?;
        let block = block(name, &mut lines);
        is_over = block.is_err();
        Some(block)
    })
}

/// The block whose first line was read.
fn block<'a>(name: &[u8], lines: &mut impl Iterator<Item = &'a [u8]>) -> Result<Block, Broken> {
    let (mut header, mut body): (Vec<&[u8]>, Vec<&[u8]>) = (Vec::new(), Vec::new());
    let mut has_header = false;
    let end = loop {
        let line = lines.next().ok_or(Broken::NoEnd)?;
        if line.starts_with(b"-----END ") {
            break line;
        }
        if line.is_empty() && !has_header {
            has_header = true;
            header = std::mem::take(&mut body);
        } else {
            body.push(line);
        }
    };
    if enclosed(end, b"-----END ") != Some(name) {
        return Err(Broken::NoEnd);
    }
    let header = match header.first() {
        None => Header::None,
        Some(first) if first.starts_with(b"Proc-Type:") && first.ends_with(b"ENCRYPTED") => Header::Encrypted,
        Some(_) => Header::Other,
    };
    let body: Vec<u8> = body.concat().into_iter().filter(|byte| !is_blank(*byte)).collect();
    let der = BASE64.decode(body).ok().filter(|der| !der.is_empty()).ok_or(Broken::NotBase64)?;
    Ok(Block { label: Label::of(name), header, der })
}

/// Leftover bits at the end may be anything.
const BASE64: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));

/// The text between `prefix` and the dashes that end a line.
fn enclosed<'a>(line: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    line.strip_prefix(prefix)?.strip_suffix(b"-----")
}

fn trimmed_end(line: &[u8]) -> &[u8] {
    let end = line.iter().rposition(|byte| *byte > b' ').map_or(0, |at| at + 1);
    &line[..end]
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// What a text without a relevant block looks like.
pub(super) fn looks_like(text: &[u8]) -> Option<(&'static str, &'static str)> {
    let has = |part: &[u8]| text.windows(part.len()).any(|window| window == part);
    let lines = || text.split(|byte| *byte == b'\n');
    let begins = |line: &[u8]| line.trim_ascii_start().starts_with(b"-----BEGIN ");
    if text.trim_ascii_start().starts_with(b"LS0tLS1CRUdJTi") {
        return Some(("base64 of PEM", "encode it in base64 only once under `data`"));
    }
    if text.starts_with(&[0xff, 0xfe]) || text.starts_with(&[0xfe, 0xff]) {
        return Some(("UTF-16", "write it in ASCII or UTF-8"));
    }
    if text.starts_with(&[0xef, 0xbb, 0xbf]) && begins(&text[3..]) {
        return Some(("PEM after a byte order mark", "remove the three bytes before the first line"));
    }
    if matches!(text, [0x30, 0x80..=0x84, ..]) {
        return Some(("DER", "convert it to PEM, as with `openssl x509 -inform der` or `openssl pkey`"));
    }
    if has(b"-----BEGIN ") && has(b"-----\\n") {
        return Some(("PEM with `\\n` instead of line breaks", "write line breaks"));
    }
    if has(b"-----BEGIN ") && has(b"-----\r") && !has(b"\n") {
        return Some(("PEM with carriage returns as line ends", "end lines with a line feed"));
    }
    if lines().any(|line| begins(line) && !line.starts_with(b"-----")) {
        return Some(("PEM that is indented", "begin each line at its first column"));
    }
    if has(b"-----BEGIN ") && has(b"-----END ") && lines().any(|line| begins(line) && line.len() > 80) {
        return Some(("PEM without line breaks", "put its first and its last line on lines of their own"));
    }
    None
}
