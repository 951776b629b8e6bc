//! [`Kind`], made from the table of kinds: what an object is called, how it is decoded, what an error in it costs.
//!
//! What else depends on the kind is an exhaustive `match` where it is decided, so a new row does not compile until
//! each of them has an answer.

mod costs;
mod fields;

use std::fmt;

use fairlead_api as api;
use schemars::schema_for;

pub(crate) use costs::Costs;
pub(crate) use fields::{METADATA, UnknownFields};

use UnknownFields::{Refuse, Skip};

/// A group and the versions in which a kind of it is accepted, preferred first.
struct Api {
    group: &'static str,
    versions: &'static [&'static str],
}

const NETWORKING: Api = Api { group: "networking.istio.io", versions: &["v1", "v1beta1", "v1alpha3"] };
const DISCOVERY: Api = Api { group: "discovery.k8s.io", versions: &["v1"] };
const CORE: Api = Api { group: "", versions: &["v1"] };

/// What the type of a kind describes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// The field `spec`.
    Spec,
    /// The object itself, without the fields that every object has.
    Object,
}

/// Where the names of objects are unique.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    Namespaced,
    Cluster,
}

struct Row {
    name: &'static str,
    content: Content,
    api: Api,
    plural: &'static str,
    scope: Scope,
    unknown: UnknownFields,
    costs: Option<&'static Costs>,
}

/// The table of kinds, handed to the macro `$use`.
///
/// A row: the kind and its Rust type; then whether that type is the object's `spec` or the object, the group and
/// versions, the plural in paths of the Kubernetes API, the scope, how unknown fields are treated, and what an error
/// costs (`None`: the object). The order is that of objects everywhere.
///
/// A kind with the name of an earlier row gets a name of its own here: `KubernetesGateway as "Gateway": …`.
macro_rules! table {
    ($use:ident) => {
        $use! {
            VirtualService: VirtualServiceSpec
                [Spec, NETWORKING, "virtualservices", Namespaced, Refuse, None];
            DestinationRule: DestinationRuleSpec
                [Spec, NETWORKING, "destinationrules", Namespaced, Refuse, Some(&costs::DESTINATION_RULE)];
            Gateway: GatewaySpec
                [Spec, NETWORKING, "gateways", Namespaced, Refuse, None];
            ServiceEntry: ServiceEntrySpec
                [Spec, NETWORKING, "serviceentries", Namespaced, Refuse, None];
            Sidecar: SidecarSpec
                [Spec, NETWORKING, "sidecars", Namespaced, Refuse, Some(&costs::SIDECAR)];
            WorkloadEntry: WorkloadEntrySpec
                [Spec, NETWORKING, "workloadentries", Namespaced, Refuse, None];
            Service: ServiceSpec
                [Spec, CORE, "services", Namespaced, Skip(fields::SERVICE), None];
            EndpointSlice: EndpointSlice
                [Object, DISCOVERY, "endpointslices", Namespaced, Skip(fields::ENDPOINT_SLICE), None];
            Endpoints: Endpoints
                [Object, CORE, "endpoints", Namespaced, Skip(&[]), None];
            Pod: Pod
                [Object, CORE, "pods", Namespaced, Skip(fields::POD), None];
            Node: Node
                [Object, CORE, "nodes", Cluster, Skip(&[]), None];
            Namespace: Namespace
                [Object, CORE, "namespaces", Cluster, Skip(&[]), None];
            Secret: Secret
                [Object, CORE, "secrets", Namespaced, Skip(fields::DATA), Some(&costs::SECRET)];
            ConfigMap: ConfigMap
                [Object, CORE, "configmaps", Namespaced, Skip(fields::DATA), Some(&costs::CONFIG_MAP)];
        }
    };
}
pub(crate) use table;

macro_rules! kinds {
    ($(
        $kind:ident $(as $name:literal)?: $spec:ident
            [$content:ident, $api:ident, $plural:literal, $scope:ident, $unknown:expr, $costs:expr];
    )*) => {
        /// The kinds of objects Fairlead reads.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $(
                #[doc = concat!("`", stringify!($kind), "`")]
                $kind,
            )*
        }

        impl Kind {
            /// All kinds, in order.
            pub const ALL: [Self; [$(stringify!($kind)),*].len()] = [$(Self::$kind),*];

            /// A unique name: [`Kind::name`], except for a kind with the name of an earlier one.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$kind => stringify!($kind),)* }
            }

            const fn row(self) -> &'static Row {
                match self {
                    $(Self::$kind => &Row {
                        name: [$($name,)? stringify!($kind)][0],
                        content: Content::$content,
                        api: $api,
                        plural: $plural,
                        scope: Scope::$scope,
                        unknown: $unknown,
                        costs: $costs,
                    },)*
                }
            }

            /// The schema of the kind's type.
            pub(crate) fn json_schema(self) -> schemars::Schema {
                match self { $(Self::$kind => schema_for!(api::$spec),)* }
            }
        }
    };
}

table!(kinds);

impl Kind {
    /// The kind as in `kind:` of a manifest: unique within a group.
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// The API group, empty for core.
    pub const fn group(self) -> &'static str {
        self.row().api.group
    }

    /// The versions of the group that are accepted, preferred first.
    pub const fn versions(self) -> &'static [&'static str] {
        self.row().api.versions
    }

    /// The plural in paths of the Kubernetes API.
    pub const fn plural(self) -> &'static str {
        self.row().plural
    }

    /// Whether the kind is one of Istio's.
    pub fn is_istio(self) -> bool {
        self.group().ends_with(".istio.io")
    }

    /// Whether objects of the kind live in a namespace.
    pub fn is_namespaced(self) -> bool {
        self.row().scope == Scope::Namespaced
    }

    pub(crate) const fn content(self) -> Content {
        self.row().content
    }

    /// How fields that the type of the kind lacks are treated.
    pub(crate) const fn unknown_fields(self) -> UnknownFields {
        self.row().unknown
    }

    /// What errors cost in objects of the kind; none where they cost the object.
    pub(crate) const fn costs(self) -> Option<&'static Costs> {
        self.row().costs
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests;
