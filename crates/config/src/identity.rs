//! Who an object is: [`Kind`], [`Namespace`], [`Name`], and the [`ConfigKey`] of all three.

use std::{fmt, sync::Arc};

/// The kinds of objects Fairlead reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `networking.istio.io` VirtualService.
    VirtualService,
    /// `networking.istio.io` DestinationRule.
    DestinationRule,
    /// `networking.istio.io` Gateway.
    Gateway,
    /// `networking.istio.io` ServiceEntry.
    ServiceEntry,
    /// `networking.istio.io` Sidecar.
    Sidecar,
    /// `networking.istio.io` WorkloadEntry.
    WorkloadEntry,
    /// Core Service.
    Service,
    /// `discovery.k8s.io` EndpointSlice.
    EndpointSlice,
    /// Core Endpoints.
    Endpoints,
    /// Core Pod.
    Pod,
    /// Core Node.
    Node,
    /// Core Namespace.
    Namespace,
    /// Core Secret.
    Secret,
    /// Core ConfigMap.
    ConfigMap,
}

impl Kind {
    /// All kinds, in order.
    pub const ALL: [Self; 14] = [
        Self::VirtualService,
        Self::DestinationRule,
        Self::Gateway,
        Self::ServiceEntry,
        Self::Sidecar,
        Self::WorkloadEntry,
        Self::Service,
        Self::EndpointSlice,
        Self::Endpoints,
        Self::Pod,
        Self::Node,
        Self::Namespace,
        Self::Secret,
        Self::ConfigMap,
    ];

    /// The kind as `kind:` of a manifest says it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::VirtualService => "VirtualService",
            Self::DestinationRule => "DestinationRule",
            Self::Gateway => "Gateway",
            Self::ServiceEntry => "ServiceEntry",
            Self::Sidecar => "Sidecar",
            Self::WorkloadEntry => "WorkloadEntry",
            Self::Service => "Service",
            Self::EndpointSlice => "EndpointSlice",
            Self::Endpoints => "Endpoints",
            Self::Pod => "Pod",
            Self::Node => "Node",
            Self::Namespace => "Namespace",
            Self::Secret => "Secret",
            Self::ConfigMap => "ConfigMap",
        }
    }

    /// The API group, empty for core.
    pub const fn group(self) -> &'static str {
        match self {
            Self::VirtualService
            | Self::DestinationRule
            | Self::Gateway
            | Self::ServiceEntry
            | Self::Sidecar
            | Self::WorkloadEntry => "networking.istio.io",
            Self::EndpointSlice => "discovery.k8s.io",
            Self::Service
            | Self::Endpoints
            | Self::Pod
            | Self::Node
            | Self::Namespace
            | Self::Secret
            | Self::ConfigMap => "",
        }
    }

    /// The versions of the group that are accepted, preferred first.
    pub const fn versions(self) -> &'static [&'static str] {
        match self {
            Self::VirtualService
            | Self::DestinationRule
            | Self::Gateway
            | Self::ServiceEntry
            | Self::Sidecar
            | Self::WorkloadEntry => &["v1", "v1beta1", "v1alpha3"],
            _ => &["v1"],
        }
    }

    /// Whether the kind is one of Istio's, whose every field is known here.
    pub const fn is_istio(self) -> bool {
        !self.group().is_empty() && !matches!(self, Self::EndpointSlice)
    }

    /// Whether objects of the kind live in a namespace.
    pub const fn is_namespaced(self) -> bool {
        !matches!(self, Self::Node | Self::Namespace)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

macro_rules! text_newtype {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }

        impl From<Arc<str>> for $name {
            fn from(text: Arc<str>) -> Self {
                Self(text)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                &*self.0 == other
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                &*self.0 == *other
            }
        }
    };
}

text_newtype!(
    /// A namespace; empty for objects that live in none.
    Namespace
);
text_newtype!(
    /// The name of an object within its kind and namespace.
    Name
);

/// The identity of an object. The order (kind, namespace, name) makes iteration deterministic.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConfigKey {
    /// Kind of the object.
    pub kind: Kind,
    /// Namespace of the object; empty if the kind has none.
    pub namespace: Namespace,
    /// Name of the object.
    pub name: Name,
}

impl ConfigKey {
    /// The key of the object `namespace/name` of `kind`.
    pub fn new(kind: Kind, namespace: impl Into<Namespace>, name: impl Into<Name>) -> Self {
        Self { kind, namespace: namespace.into(), name: name.into() }
    }
}

impl fmt::Display for ConfigKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.as_str().is_empty() {
            write!(f, "{} {}", self.kind, self.name)
        } else {
            write!(f, "{} {}/{}", self.kind, self.namespace, self.name)
        }
    }
}
