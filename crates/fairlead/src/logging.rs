//! The log: on standard error, as text or JSON, with levels that can be changed at run time.

use std::{
    fmt::Write as _,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Context as _;
use fairlead_config::printable::Printing;
use fairlead_control_plane::{
    LogLevels,
    settings::{LogFormat, LogSettings, log_levels},
};
use tracing_subscriber::{
    EnvFilter, Registry,
    field::MakeExt as _,
    fmt::{FormatFields, format::debug_fn},
    layer::SubscriberExt as _,
    reload,
    util::SubscriberInitExt as _,
};

use crate::output::is_coloured;

/// Installs the subscriber.
pub(crate) fn install(settings: &LogSettings) -> anyhow::Result<Arc<dyn LogLevels>> {
    let filter =
        EnvFilter::try_new(&settings.level).with_context(|| format!("log.level `{}`", settings.level))?;
    let (filter, handle) = reload::Layer::new(filter);
    let registry = tracing_subscriber::registry().with(filter);
    match settings.format {
        LogFormat::Json => {
            let layer =
                tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(std::io::stderr);
            registry.with(layer).try_init()?;
        }
        LogFormat::Text => {
            let layer = tracing_subscriber::fmt::layer()
                .fmt_fields(fields())
                .with_ansi(is_coloured(&std::io::stderr()))
                .with_writer(std::io::stderr);
            registry.with(layer).try_init()?;
        }
    }
    Ok(Arc::new(Levels { handle, text: Mutex::new(settings.level.clone()) }))
}

/// Fields as `name=value`. Values are escaped, so that they stay on their line and do not control the terminal.
fn fields() -> impl for<'w> FormatFields<'w> + Send + Sync + 'static {
    debug_fn(|to, field, value| match field.name() {
        "message" => write!(Printing::new(to), "{value:?}"),
        name => {
            write!(to, "{name}=")?;
            write!(Printing::new(to), "{value:?}")
        }
    })
    .delimited(" ")
}

struct Levels {
    handle: reload::Handle<EnvFilter, Registry>,
    text: Mutex<String>,
}

impl LogLevels for Levels {
    fn levels(&self) -> String {
        self.text.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_levels(&self, levels: &str) -> Result<(), String> {
        log_levels(levels)?;
        let filter = EnvFilter::try_new(levels).map_err(|error| error.to_string())?;
        self.handle.reload(filter).map_err(|error| error.to_string())?;
        levels.clone_into(&mut self.text.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(())
    }
}

#[cfg(test)]
mod tests;
