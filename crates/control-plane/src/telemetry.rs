//! Log events, one function for each, so that messages are constant and fields come from one vocabulary. Text from
//! outside is made printable and cut here, and counted by the caller.
//!
//! | field | meaning |
//! |---|---|
//! | `proxy.id`, `proxy.namespace` | the node id and namespace of a proxy |
//! | `type_url` | a type in its short form, `CDS` |
//! | `revision` | a revision of the engine |
//! | `resources`, `removed`, `bytes` | sizes of a push |
//! | `config.key` | an object, `VirtualService shop/cart` |
//! | `changes`, `recomputed`, `views` | sizes of a round |
//! | `code` | the code of a diagnostic |
//! | `elapsed_us` | microseconds |
//! | `address` | a listening address |
//! | `error` | what went wrong |

use std::{fmt::Display, net::SocketAddr, time::Duration};

use fairlead_config::{Diagnostic, Severity, SourceId, printable};
use tracing::{debug, error, info, warn};

/// The log levels, which can be changed at run time. The binary owns the subscriber and implements this.
pub trait LogLevels: Send + Sync {
    /// The current levels, as `info,fairlead_xds=debug`.
    fn levels(&self) -> String;

    /// Changes them.
    ///
    /// # Errors
    /// Why `levels` cannot be read.
    fn set_levels(&self, levels: &str) -> Result<(), String>;
}

pub(crate) fn serving(what: &'static str, address: SocketAddr) {
    info!(%address, server = what, "serving");
}

pub(crate) fn exposed(what: &'static str, address: SocketAddr) {
    warn!(%address, server = what, "clients beyond this machine can connect, and are not authenticated");
}

pub(crate) fn synced(objects: usize, elapsed: Duration) {
    info!(objects, elapsed_us = micros(elapsed), "the first configuration is ready");
}

pub(crate) fn settled(revision: u64, changes: usize, recomputed: u64, views: usize, elapsed: Duration) {
    info!(revision, changes, recomputed, views, elapsed_us = micros(elapsed), "settled");
}

pub(crate) fn connected(id: &str, namespace: &str, secrets: bool) {
    info!(proxy.id = %printable(id), proxy.namespace = namespace, secrets, "connected");
}

pub(crate) fn disconnected(id: &str) {
    info!(proxy.id = %printable(id), "disconnected");
}

pub(crate) fn refused(id: &str, error: &dyn Display) {
    warn!(proxy.id = %printable(id), error = %printable(&error.to_string()), "refused");
}

pub(crate) fn secrets_withheld(id: &str, peer: &dyn Display) {
    warn!(
        proxy.id = %printable(id),
        address = %peer,
        "secrets are not sent in plaintext to another machine; this is logged once"
    );
}

pub(crate) fn rejected_by_proxy(id: &str, type_url: &str, origins: &str, error: &str) {
    warn!(
        proxy.id = %printable(id),
        type_url,
        config.key = %printable(origins),
        error = %printable(error),
        "a proxy rejected a resource, which is held back"
    );
}

pub(crate) fn rejections_suppressed(count: usize) {
    warn!(count, "further rejections were not logged");
}

pub(crate) fn diagnostic_appeared(diagnostic: &Diagnostic) {
    let code = diagnostic.code.as_str();
    match diagnostic.severity {
        Severity::Error => error!(code, "{diagnostic}"),
        Severity::Warning => warn!(code, "{diagnostic}"),
        Severity::Info => info!(code, "{diagnostic}"),
    }
}

pub(crate) fn diagnostic_gone(diagnostic: &Diagnostic) {
    let on = diagnostic.on.to_string();
    let message = printable(&diagnostic.message);
    info!(code = diagnostic.code.as_str(), config.key = %printable(&on), "resolved: {message}");
}

pub(crate) fn diagnostics_suppressed(count: usize) {
    warn!(count, "further findings came or went unlogged; /debug/diagnosticz lists those that hold");
}

pub(crate) fn collected(nodes: u64) {
    debug!(nodes, "dropped unread values");
}

pub(crate) fn core_failed(message: &str) {
    error!(error = message, "the core has failed: nothing is published any longer (a bug; please report it)");
}

pub(crate) fn server_failed(what: &'static str, error: &dyn Display) {
    error!(server = what, %error, "a server has failed");
}

pub(crate) fn source_ended(source: &SourceId) {
    error!(%source, "a source has ended: its objects stay as they are");
}

pub(crate) fn draining() {
    info!("shutting down: connections are drained");
}

fn micros(elapsed: Duration) -> u64 {
    u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX)
}
