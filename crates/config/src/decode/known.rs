//! Real fields that are not read here, so that they are not taken for misspelt ones.

use crate::Kind;

/// Fields of `metadata` that are not read.
pub(super) const METADATA: &[&str] = &[
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

/// Fields of core kinds that are not read and resemble one that is.
pub(super) fn resembling(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Service => &[
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
        ],
        Kind::EndpointSlice => &["deprecatedTopology", "forNodes", "forZones", "hints", "fieldPath", "uid"],
        Kind::Pod => &[
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
        ],
        Kind::Secret | Kind::ConfigMap => &["binaryData", "immutable"],
        _ => &[],
    }
}
