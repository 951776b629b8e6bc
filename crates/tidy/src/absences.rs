//! What must not appear where: the table of `docs/architecture.md`, section "What must stay absent", as data.
//!
//! A path is forbidden together with all that is below it: `std::env` covers `std::env::var`. A path of one
//! segment is forbidden as a crate or an identifier anywhere in a path.

use crate::{files::File, rust::Source};

/// The crates whose output depends on their inputs alone.
pub const PURE: &[&str] =
    &["api", "config", "envoy", "incremental", "model", "resource", "simulate", "translate"];

/// Something that must not appear in some crates.
#[derive(Debug)]
pub struct Absence {
    /// Where it must not appear.
    pub crates: Crates,
    /// What must not appear.
    pub paths: &'static [&'static str],
    /// Why.
    pub reason: &'static str,
}

/// A choice of crates.
#[derive(Debug)]
pub enum Crates {
    /// These.
    Only(&'static [&'static str]),
    /// All but these; `load`, `testkit` and `tidy` are never included.
    AllBut(&'static [&'static str]),
}

/// The table.
pub const ABSENCES: &[Absence] = &[
    Absence {
        crates: Crates::Only(PURE),
        paths: &[
            "tokio",
            "tonic",
            "hyper",
            "axum",
            "std::net::TcpListener",
            "std::net::TcpStream",
            "std::thread",
        ],
        reason: "a pure crate does not wait and has no socket or thread",
    },
    Absence {
        crates: Crates::AllBut(&["source-kube"]),
        paths: &["kube", "k8s_openapi"],
        reason: "one crate only has a Kubernetes client",
    },
    Absence {
        crates: Crates::Only(PURE),
        paths: &["std::env", "std::fs", "std::process", "std::io::stdin", "tempfile", "notify"],
        reason: "a pure crate sees its arguments only",
    },
    Absence {
        crates: Crates::Only(PURE),
        paths: &["SystemTime", "Instant"],
        reason: "a pure crate has no clock; time arrives as an argument",
    },
    Absence {
        crates: Crates::Only(PURE),
        paths: &["rand", "getrandom", "fastrand", "RandomState"],
        reason: "a pure crate has no randomness",
    },
    Absence {
        crates: Crates::Only(PURE),
        paths: &["HashMap", "HashSet"],
        reason: "the same inputs give the same bytes: use BTreeMap, OrdMap or a sorted Vec",
    },
    Absence {
        crates: Crates::Only(&["api", "config", "incremental", "model", "resource", "source-file"]),
        paths: &["envoy_types", "prost", "fairlead_envoy"],
        reason: "protobuf begins at `translate`, and a resource is bytes",
    },
    Absence {
        crates: Crates::Only(&["translate"]),
        paths: &["fairlead_api"],
        reason: "a field of a configuration kind does not leak past the model",
    },
    Absence {
        crates: Crates::Only(&["envoy", "incremental", "resource", "xds"]),
        paths: &["fairlead_api", "fairlead_config", "fairlead_model", "fairlead_translate"],
        reason: "this crate knows no word of Istio or Kubernetes",
    },
    Absence {
        crates: Crates::AllBut(&["fairlead"]),
        paths: &[
            "clap",
            "std::process::exit",
            "tracing::subscriber::set_global_default",
            "tracing::subscriber::set_default",
            "SubscriberInitExt",
        ],
        reason: "only the binary reads flags, ends the process and installs a subscriber",
    },
    Absence {
        crates: Crates::AllBut(&["fairlead"]),
        paths: &["anyhow"],
        reason: "a library's errors are enums",
    },
    Absence {
        crates: Crates::AllBut(&["control-plane", "fairlead", "lab", "xds"]),
        paths: &["tokio::spawn", "tokio::task::spawn"],
        reason: "tasks have owners: they are started where they are ended",
    },
];

impl Crates {
    fn include(&self, name: &str) -> bool {
        match self {
            Self::Only(names) => names.contains(&name),
            Self::AllBut(names) => !names.contains(&name) && !matches!(name, "load" | "testkit" | "tidy"),
        }
    }
}

/// One use of something that must be absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// Its line.
    pub line: usize,
    /// The entry of the table that forbids it.
    pub path: &'static str,
    /// Why it is forbidden.
    pub reason: &'static str,
}

/// The uses in `file` that the table forbids. Test code is exempt.
pub fn uses(file: &File) -> Vec<Use> {
    match file.crate_name() {
        Some(name) if !file.is_test => uses_in(name, &file.text()),
        _ => Vec::new(),
    }
}

fn uses_in(crate_name: &str, text: &str) -> Vec<Use> {
    let source = Source::parse(text);
    let rows: Vec<_> = ABSENCES.iter().filter(|row| row.crates.include(crate_name)).collect();
    let mut found = Vec::new();
    for (line, path) in source.paths() {
        for row in &rows {
            for &forbidden in row.paths.iter().filter(|forbidden| names(&path, forbidden)) {
                let entry = Use { line, path: forbidden, reason: row.reason };
                if !found.contains(&entry) {
                    found.push(entry);
                }
            }
        }
    }
    found
}

/// Whether `path` is `forbidden` or below it.
fn names(path: &str, forbidden: &str) -> bool {
    let path = path.trim_start_matches("::");
    if forbidden.contains("::") {
        return path.strip_prefix(forbidden).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"));
    }
    if forbidden.starts_with(char::is_uppercase) {
        return path.split("::").any(|segment| segment == forbidden);
    }
    // A crate: the first segment of a longer path. A lone word may be a variable.
    path.strip_prefix(forbidden).is_some_and(|rest| rest.starts_with("::"))
}

#[cfg(test)]
mod tests;
