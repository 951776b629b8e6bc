//! Configuration objects: identity, strict decoding with positions, validation per kind, diagnostics, changes.
//!
//! Everything here is a pure function of its arguments: no files, clocks, environment or threads.
//! A user's mistake is never an `Err`: it is a [`Diagnostic`] with a stable [`Code`], a [`FieldPath`] and a position.

pub mod certificate;
mod change;
mod code;
mod decode;
mod diagnostic;
mod duplicate;
mod foreign;
pub mod format_string;
mod identity;
mod kind;
mod labels;
mod mesh_config;
mod object;
mod origin;
mod path;
mod placeholder;
mod position;
pub mod printable;
pub mod re2;
mod schema;
mod source;
pub mod substitution;
mod syntax;
mod timestamp;
mod unread;
mod untranslated;
mod validate;
pub mod yaml;

pub use change::{Change, ChangeBatch};
pub use code::Code;
pub use decode::{Decoded, decode, decode_file, decode_json};
#[doc(hidden)]
pub use decode::{fuzz_decode, leaves};
pub use diagnostic::{Diagnostic, Diagnostics, Severity, Subject};
/// The types of the kinds' specs.
pub use duplicate::duplicate;
pub use fairlead_api as api;
pub use identity::{ConfigKey, Name, Namespace, SourceId};
pub use kind::Kind;
pub use labels::LabelSet;
pub use mesh_config::decode_mesh_config;
pub use object::{AnyConfig, Config, ReadFrom, spec};
pub use origin::Origin;
pub use path::{FieldPath, Segment};
pub use position::{FieldPositions, Location, Position};
pub use printable::printable;
pub use schema::suggest::near_name;
pub use source::{ConfigSource, NextUpdate, SourceUpdate};
pub use timestamp::Timestamp;
pub use unread::Unread;
pub use validate::{grpc_status, is_cipher_suite, is_tls_secret, parts, secret_value, validate};
