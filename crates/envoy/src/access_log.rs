//! Access loggers.

use envoy_types::pb::{
    envoy::{
        config::{
            accesslog::v3::{AccessLog, access_log::ConfigType},
            core::v3::{SubstitutionFormatString, substitution_format_string::Format as ProtoFormat},
        },
        extensions::access_loggers::file::v3::{FileAccessLog, file_access_log::AccessLogFormat},
    },
    google::protobuf::Struct,
};
use prost::{Message, Name};

use crate::{data_source::inline_string, extension, pack_any};

/// The form of an access log's entries.
#[derive(Clone, Debug, PartialEq)]
pub enum Format {
    /// A line; the text carries its own line break.
    Text(String),
    /// A JSON object.
    Json(Struct),
}

/// A log to the file at `path`, which Envoy flushes every 10 s or 64 KiB (its defaults). Without a format it writes
/// Envoy's default line.
pub fn file(path: impl Into<String>, format: Option<Format>) -> AccessLog {
    let config = FileAccessLog {
        path: path.into(),
        access_log_format: format.map(|format| AccessLogFormat::LogFormat(format.into())),
    };
    access_log(extension::FILE_ACCESS_LOG, &config)
}

/// Any access logger.
pub fn access_log<M: Message + Name>(name: &str, config: &M) -> AccessLog {
    AccessLog {
        name: name.to_owned(),
        filter: None,
        config_type: Some(ConfigType::TypedConfig(pack_any(config))),
    }
}

impl From<Format> for SubstitutionFormatString {
    fn from(format: Format) -> Self {
        let format = match format {
            Format::Text(text) => ProtoFormat::TextFormatSource(inline_string(text)),
            Format::Json(fields) => ProtoFormat::JsonFormat(fields),
        };
        Self { format: Some(format), ..Default::default() }
    }
}
