//! The strata of the engine: a query reads lower ones only.

use fairlead_incremental::Stratum;

/// Facts for the whole mesh: its configuration, and the localities of nodes.
pub const MESH: Stratum = Stratum(5);
/// One object, resolved by itself.
pub const OBJECT: Stratum = Stratum(10);
/// Headers: the part of an object that decides where it applies.
pub const HEADER: Stratum = Stratum(12);
/// Lists of headers, by namespace.
pub const HEADERS: Stratum = Stratum(13);
/// Pods and WorkloadEntries as workloads.
pub const WORKLOAD: Stratum = Stratum(14);
/// Workloads by address.
pub const WORKLOAD_BY_ADDRESS: Stratum = Stratum(16);
/// Services, across objects.
pub const REGISTRY: Stratum = Stratum(20);
/// Endpoints of services.
pub const ENDPOINTS: Stratum = Stratum(22);
/// Lists over the whole registry, by host and by namespace.
pub const REGISTRY_INDEX: Stratum = Stratum(25);
/// What a namespace, a Sidecar or a gateway can see.
pub const SCOPE: Stratum = Stratum(30);
/// Which rule applies to which service, in which scope.
pub const BINDING: Stratum = Stratum(40);
/// The virtual hosts of gateways, which need their scope.
pub const GATEWAY_HOSTS: Stratum = Stratum(42);
/// Findings about one object in relation to others.
pub const OBJECT_DIAGNOSTICS: Stratum = Stratum(44);
/// All findings.
pub const DIAGNOSTICS: Stratum = Stratum(46);
/// Which listeners, route tables and virtual hosts a scope has: keys, no bytes.
pub const PLAN: Stratum = Stratum(50);
/// Encoded resources and elements, one each.
pub const RESOURCE: Stratum = Stratum(60);
/// Unions of encoded elements into parents.
pub const ELEMENTS: Stratum = Stratum(65);
/// Parents made of elements.
pub const PARENT: Stratum = Stratum(70);
/// Unions of resources.
pub const UNION: Stratum = Stratum(74);
/// Resource sets.
pub const SET: Stratum = Stratum(75);
/// What one view of the mesh is sent.
pub const PUBLICATION: Stratum = Stratum(80);
