//! `fairlead proxy-config secret`: names and validity, never content.

use std::time::UNIX_EPOCH;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use fairlead_config::{
    Timestamp,
    certificate::{Chain, Validity},
};
use serde_json::Value;

use super::{
    configuration::{Configuration, name_of},
    shown::Shown,
    source::From,
};
use crate::output::Table;

/// The filter of secrets.
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
        let now = UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs());
        let now = Timestamp(i64::try_from(now).unwrap_or(i64::MAX));
        for entry in configuration.entries(Self::TYPE).filter(|entry| self.wants(&entry.resource)) {
            let secret = &entry.resource;
            let [is_valid, serial, to, from] = match certificate(secret) {
                Some((serial, validity)) => {
                    let Validity { from, to } = validity;
                    [validity.contains(now).to_string(), serial, to.to_string(), from.to_string()]
                }
                None => Default::default(),
            };
            table.row([
                name_of(secret).to_owned(),
                kind(secret).to_owned(),
                is_valid,
                serial,
                to,
                from,
                From::of(entry).source(),
                configuration.state(Self::TYPE, entry),
            ]);
        }
        table
    }
}

/// The serial number and validity of the leaf of a chain, or of the first authority.
fn certificate(secret: &Value) -> Option<(String, Validity)> {
    let parts =
        [&secret["tls_certificate"]["certificate_chain"], &secret["validation_context"]["trusted_ca"]];
    let text = |part: &Value| match part["inline_bytes"].as_str() {
        Some(encoded) => STANDARD.decode(encoded).ok(),
        None => part["inline_string"].as_str().map(|text| text.as_bytes().to_owned()),
    };
    parts.into_iter().find_map(|part| {
        let chain = Chain::read(&text(part)?).ok()?;
        Some((chain.serial(), chain.validity()?))
    })
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
