//! Fields that are not read: how they are treated, and which exist, so that they are not mistaken for misspelt ones.

/// What happens to fields that the type of a kind does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnknownFields {
    /// They are errors.
    Refuse,
    /// They are skipped, unless they look like a misspelt field and are not in the list of real ones.
    Skip(&'static [&'static str]),
    /// They get a warning that they have no effect.
    Warn,
}

/// Fields of `metadata` that are not read.
pub(crate) const METADATA: &[&str] = &[
    "clusterName",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "finalizers",
    "generateName",
    "generation",
    "managedFields",
    "ownerReferences",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// Real fields of a Service that resemble one that is read.
pub(super) const SERVICE: &[&str] = &[
    "allocateLoadBalancerNodePorts",
    "externalIPs",
    "externalTrafficPolicy",
    "healthCheckNodePort",
    "ipFamilies",
    "ipFamilyPolicy",
    "loadBalancerClass",
    "loadBalancerIP",
    "loadBalancerSourceRanges",
    "nodePort",
    "sessionAffinity",
    "sessionAffinityConfig",
];

/// The same of an EndpointSlice.
pub(super) const ENDPOINT_SLICE: &[&str] =
    &["deprecatedTopology", "forNodes", "forZones", "hints", "fieldPath", "uid"];

/// The same of a Pod.
pub(super) const POD: &[&str] = &[
    "activeDeadlineSeconds",
    "affinity",
    "conditions",
    "containerStatuses",
    "ephemeralContainers",
    "ephemeralContainerStatuses",
    "hostAliases",
    "hostIP",
    "hostIPC",
    "hostIPs",
    "hostPID",
    "hostPort",
    "hostUsers",
    "hostnameOverride",
    "initContainers",
    "initContainerStatuses",
    "message",
    "nodeSelector",
    "nominatedNodeName",
    "observedGeneration",
    "reason",
    "resize",
    "resources",
    "restartPolicy",
    "serviceAccount",
    "startTime",
    "stdin",
    "stdinOnce",
    "tty",
    "volumes",
];

/// The same of a Secret and a ConfigMap.
pub(super) const DATA: &[&str] = &["binaryData", "immutable"];
