//! The inputs of the mesh: one per kind, set by the core loop from a `ChangeBatch`, and the indexes over them.
//!
//! Reads: `ChangeBatch` · Produces: facts of the engine · Consumed by: every query of this crate
//!
//! An input holds the decoded object. Queries of [`crate::strata::MESH`] and [`crate::strata::OBJECT`] reduce it to
//! what is used, so that a change of anything else stops there.

mod index;

use std::sync::Arc;

use fairlead_config::{AnyConfig, Change, ChangeBatch, Config, ConfigKey, Kind, Timestamp, spec};
use fairlead_incremental::{ChangeSet, Input};

use crate::mesh::Settings;

pub use index::{
    All, ByNamespace, EndpointsAt, PodAddress, PodsAt, PodsByLabel, SelectingServiceEntries,
    SelectingServices, SelectorBucket, ServiceEntriesAt, ServiceEntriesOfHost, SlicesAt, SlicesOfService,
    WorkloadEntriesAt, WorkloadEntriesByLabel,
};

/// An input that holds the objects of one kind.
pub trait KindInput: Input<Key = ConfigKey, Value = Config<Self::Spec>> {
    /// The specification of the kind.
    type Spec: PartialEq + Send + Sync + 'static;
    /// The kind.
    const KIND: Kind;
    /// The name of [`All`] of this input.
    const ALL: &'static str;
    /// The name of [`ByNamespace`] of this input.
    const BY_NAMESPACE: &'static str;
}

macro_rules! inputs {
    ($($(#[$doc:meta])* $input:ident = $kind:ident, $name:literal;)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug)]
            pub struct $input;

            impl Input for $input {
                type Key = ConfigKey;
                type Value = Config<spec::$kind>;
                const NAME: &'static str = $name;
            }

            impl KindInput for $input {
                type Spec = spec::$kind;
                const KIND: Kind = Kind::$kind;
                const ALL: &'static str = concat!("all ", $name);
                const BY_NAMESPACE: &'static str = concat!($name, " by namespace");
            }
        )*

        fn set(config: AnyConfig, changes: &mut ChangeSet) {
            match config {
                $(AnyConfig::$kind(config) => changes.set::<$input>(config.key.clone(), config),)*
            }
        }

        fn remove(key: ConfigKey, changes: &mut ChangeSet) {
            match key.kind {
                $(Kind::$kind => changes.remove::<$input>(key),)*
            }
        }
    };
}

inputs! {
    /// VirtualServices.
    VirtualServices = VirtualService, "virtual services";
    /// DestinationRules.
    DestinationRules = DestinationRule, "destination rules";
    /// Gateways.
    Gateways = Gateway, "gateways";
    /// ServiceEntries.
    ServiceEntries = ServiceEntry, "service entries";
    /// Sidecars.
    Sidecars = Sidecar, "sidecars";
    /// WorkloadEntries.
    WorkloadEntries = WorkloadEntry, "workload entries";
    /// Kubernetes Services.
    Services = Service, "services";
    /// EndpointSlices.
    EndpointSlices = EndpointSlice, "endpoint slices";
    /// Endpoints, the older form of EndpointSlices.
    LegacyEndpoints = Endpoints, "endpoints";
    /// Pods.
    Pods = Pod, "pods";
    /// Nodes.
    Nodes = Node, "nodes";
    /// Namespaces.
    Namespaces = Namespace, "namespaces";
    /// Secrets.
    Secrets = Secret, "secrets";
    /// ConfigMaps.
    ConfigMaps = ConfigMap, "config maps";
}

/// The settings of the control plane; defaults until they are set.
#[derive(Debug)]
pub struct MeshSettings;

impl Input for MeshSettings {
    type Key = ();
    type Value = Settings;
    const NAME: &'static str = "mesh settings";
}

/// The refused objects: they exist, but have errors and no earlier version that stays in use.
#[derive(Debug)]
pub struct Refused;

impl Input for Refused {
    type Key = ConfigKey;
    type Value = ();
    const NAME: &'static str = "refused objects";
}

/// The time, truncated to the hour; absent if unknown. Only findings about certificates read it.
#[derive(Debug)]
pub struct Now;

impl Input for Now {
    type Key = ();
    type Value = Timestamp;
    const NAME: &'static str = "now";
}

/// Sets the time.
pub fn set_now(now: Timestamp, changes: &mut ChangeSet) {
    const HOUR: i64 = 3600;
    changes.set::<Now>((), Arc::new(Timestamp(now.0.div_euclid(HOUR) * HOUR)));
}

/// Adds the changes of `batch` to `changes`.
pub fn apply(batch: ChangeBatch, changes: &mut ChangeSet) {
    for change in batch {
        match change {
            Change::Set(config) => set(config, changes),
            Change::Delete(key) => remove(key, changes),
        }
    }
}

#[cfg(test)]
mod tests;
