//! xDS resources as they are kept and sent: names, digests, encoded bytes, sets and type URLs.
//!
//! These types are all that the crates that make resources (`envoy`, `translate`) and the one that serves them (`xds`)
//! have in common. No protobuf message appears here: a resource is a name, a digest and bytes.

pub mod collection;
mod descriptor;
mod encoded;
mod shared_set;
pub mod type_url;
mod types;

pub use descriptor::{Division, TypeDescriptor};
pub use encoded::{Digest, Element, Elements, EncodedResource, ResourceName, ResourceSet};
pub use shared_set::SharedSet;
pub use type_url::{TypeName, TypeUrl};
pub use types::Types;
