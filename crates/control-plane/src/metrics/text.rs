//! The two text formats: OpenMetrics for collectors that ask for it, and the older one of Prometheus, which all can
//! read.
//!
//! Spec: <https://prometheus.io/docs/instrumenting/exposition_formats/>

use std::borrow::Cow;

/// A text format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// Version 0.0.4.
    Prometheus,
}

impl Form {
    /// The format that the header `Accept` asks for.
    pub(crate) fn wanted<'a>(mut accept: impl Iterator<Item = &'a str>) -> Self {
        if accept.any(|accept| accept.contains("application/openmetrics-text")) {
            Self::OpenMetrics
        } else {
            Self::Prometheus
        }
    }

    /// The media type.
    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }

    /// An OpenMetrics text in this format.
    pub(crate) fn of(self, text: String) -> String {
        match self {
            Self::OpenMetrics => text,
            Self::Prometheus => prometheus(&text),
        }
    }
}

/// The text in the older format. Samples are the same, but a family has the name of its samples, a counter may have any
/// name, and there is neither a type `info` nor an end marker.
fn prometheus(text: &str) -> String {
    let mut lines: Vec<Cow<'_, str>> = Vec::new();
    for line in text.lines() {
        let Some(said) = line.strip_prefix("# TYPE ") else {
            if line != "# EOF" && !line.starts_with("# UNIT ") {
                lines.push(line.into());
            }
            continue;
        };
        let (name, of_type) = said.split_once(' ').unwrap_or((said, "untyped"));
        let (suffix, of_type) = match of_type {
            "counter" => ("_total", of_type),
            "info" => ("_info", "gauge"),
            // Counters under istiod's names, which OpenMetrics would require to end in `_total`.
            "unknown" => ("", "counter"),
            _ => ("", of_type),
        };
        // The help precedes the type.
        let help = lines.last_mut().filter(|last| last.starts_with("# HELP "));
        if let Some(help) = help.filter(|_| !suffix.is_empty()) {
            let renamed = help.replacen(name, &format!("{name}{suffix}"), 1);
            *help = renamed.into();
        }
        lines.push(format!("# TYPE {name}{suffix} {of_type}").into());
    }
    lines.join("\n") + "\n"
}
