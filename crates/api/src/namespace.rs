//! `Namespace` (core/v1): only its labels and annotations are read.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A `Namespace`; everything Fairlead reads of it is metadata.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Namespace {}
