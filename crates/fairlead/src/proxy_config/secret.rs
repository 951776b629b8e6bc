//! `fairlead proxy-config secret`: names and validity, never content.

use serde_json::Value;

use super::{
    Shown,
    configuration::{Configuration, name_of},
    provenance::source,
};
use crate::output::Table;

/// Which secrets.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Choice {
    /// Only the secret of this name.
    #[arg(long)]
    name: Option<String>,
}

impl Shown for Choice {
    const TYPE: &'static str = "SDS";

    fn wants(&self, secret: &Value) -> bool {
        self.name.as_ref().is_none_or(|name| name_of(secret) == name)
    }

    fn table(&self, configuration: &Configuration) -> Table {
        let mut table = Table::new(&["RESOURCE NAME", "TYPE", "HAS PRIVATE KEY", "SOURCE"]);
        for secret in configuration.of(Self::TYPE).filter(|secret| self.wants(secret)) {
            table.row([
                name_of(secret).to_owned(),
                kind(secret).to_owned(),
                if secret["tls_certificate"].get("private_key").is_some() { "true" } else { "false" }
                    .to_owned(),
                source(secret, configuration),
            ]);
        }
        table
    }
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
