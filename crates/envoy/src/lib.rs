//! Envoy's concepts as small constructors, and the one way a message becomes bytes.
//!
//! Knows Envoy's words only: no Istio and no Kubernetes word appears here.

pub mod config_source;
pub mod encode;
pub mod fragment;
pub mod json;
pub mod resource;
pub mod type_url;
pub mod wkt;

pub use encode::{encode, pack_any};
pub use resource::{Digest, Element, Elements, EncodedResource, ResourceName, ResourceSet};
pub use type_url::TypeUrl;
pub use wkt::IntoProto;
