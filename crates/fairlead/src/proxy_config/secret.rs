//! `fairlead proxy-config secret`: names and validity, never content.

use std::time::UNIX_EPOCH;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;

use super::{
    certificate::{Certificate, timestamp},
    configuration::{Configuration, name_of},
    shown::Shown,
    source::From,
};
use crate::output::Table;

/// Which secrets.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Choice {
    /// Only the secret with this name.
    #[arg(long)]
    name: Option<String>,
}

impl Shown for Choice {
    const TYPE: &'static str = "SDS";

    fn wants(&self, secret: &Value) -> bool {
        self.name.as_ref().is_none_or(|name| name_of(secret) == name)
    }

    fn table(&self, configuration: &Configuration) -> Table {
        let mut table = Table::new(&[
            "RESOURCE NAME",
            "TYPE",
            "VALID CERT",
            "SERIAL NUMBER",
            "NOT AFTER",
            "NOT BEFORE",
            "SOURCE",
            "STATE",
        ]);
        let now = timestamp(UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs()));
        for entry in configuration.entries(Self::TYPE).filter(|entry| self.wants(&entry.resource)) {
            let secret = &entry.resource;
            let certificate = certificate(secret);
            let of = |part: fn(&Certificate) -> &String| {
                certificate.as_ref().map(part).cloned().unwrap_or_default()
            };
            table.row([
                name_of(secret).to_owned(),
                kind(secret).to_owned(),
                certificate.as_ref().map(|known| known.is_valid_at(&now).to_string()).unwrap_or_default(),
                of(|known| &known.serial),
                of(|known| &known.not_after),
                of(|known| &known.not_before),
                From::of(entry).source(),
                configuration.state(Self::TYPE, entry),
            ]);
        }
        table
    }
}

/// The leaf of a chain, or the first authority.
fn certificate(secret: &Value) -> Option<Certificate> {
    let parts =
        [&secret["tls_certificate"]["certificate_chain"], &secret["validation_context"]["trusted_ca"]];
    let text = |part: &Value| {
        let bytes = part["inline_bytes"].as_str().and_then(|encoded| STANDARD.decode(encoded).ok());
        let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        text.or_else(|| part["inline_string"].as_str().map(str::to_owned))
    };
    parts.into_iter().find_map(|part| Certificate::of_pem(&text(part)?))
}

fn kind(secret: &Value) -> &'static str {
    if secret.get("tls_certificate").is_some() {
        "Cert Chain"
    } else if secret.get("validation_context").is_some() {
        "CA"
    } else {
        "Other"
    }
}
