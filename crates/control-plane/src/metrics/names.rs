//! Each metric's name and help. The page `docs/reference/metrics.md` has a row for each.
//!
//! A counter is exposed with the suffix `_total`, except under istiod's names, which have none.

use prometheus_client::registry::{Metric as Registrable, Registry};

/// A metric.
pub(super) struct Name {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
}

impl Name {
    /// Registers a metric, whose clones count together, and returns it.
    pub(super) fn register<M: Registrable + Clone>(&self, registry: &mut Registry, metric: M) -> M {
        registry.register(self.name, self.help, metric.clone());
        metric
    }
}

macro_rules! names {
    ($($constant:ident = $name:literal: $help:literal;)*) => {
        $(pub(super) const $constant: Name = Name { name: $name, help: $help };)*

        /// All of them.
        #[cfg(test)]
        pub(super) const ALL: &[&str] = &[$($name,)*];
    };
}

names! {
    BUILD = "istio_build": "The running version, in istiod's form";
    INFO = "fairlead_build": "The running version";
    UPTIME = "istiod_uptime_seconds": "Seconds since the start";
    CPU = "process_cpu_seconds": "CPU seconds of this process, user and system";
    RESIDENT = "process_resident_memory_bytes": "Bytes of resident memory";
    VIRTUAL = "process_virtual_memory_bytes": "Bytes of address space";
    STARTED = "process_start_time_seconds": "Start, in seconds since 1970";
    OPEN_FILES = "process_open_fds": "Open files and sockets";
    MOST_FILES = "process_max_fds": "Limit of open files and sockets";
    THREADS = "process_threads": "Threads";
    CLIENTS = "pilot_xds": "Connected proxies";
    PUSHES = "pilot_xds_pushes": "Responses sent, by type";
    REJECTS = "pilot_total_xds_rejects": "Responses that proxies rejected, by type";
    CDS_REJECTS = "pilot_xds_cds_reject": "Responses with clusters that proxies rejected";
    EDS_REJECTS = "pilot_xds_eds_reject": "Responses with endpoints that proxies rejected";
    LDS_REJECTS = "pilot_xds_lds_reject": "Responses with listeners or filter chains that proxies rejected";
    RDS_REJECTS = "pilot_xds_rds_reject": "Responses with routes or virtual hosts that proxies rejected";
    INTERNAL_ERRORS = "pilot_total_xds_internal_errors": "Streams that ended because of a bug";
    EXPIRED_NONCES = "pilot_xds_expired_nonce": "Requests that answered an older response than the last";
    WRITE_TIMEOUTS = "pilot_xds_write_timeout": "Proxies that were disconnected because they stopped reading";
    CONVERGENCE = "pilot_proxy_convergence_time": "Seconds from a change until a proxy has accepted all of its effects";
    PUSH_TIME = "pilot_xds_push_time": "Seconds from the request or publication that caused a response until the stream sends it, by type";
    CONFIG_SIZE = "pilot_xds_config_size_bytes": "Bytes of responses, by type";
    TRIGGERS = "pilot_push_triggers": "Rounds of changes in which an object of a sort changed, by sort";
    DEBOUNCE = "pilot_debounce_time": "Seconds that the first change of a round waited for others";
    SERVICES = "pilot_services": "Services and ServiceEntries";
    VIRTUAL_SERVICES = "pilot_virt_services": "VirtualServices";
    ACCEPTANCE = "fairlead_xds_acceptance_seconds": "Seconds from a change to its acknowledgement by a proxy, by type";
    CONNECTS = "fairlead_xds_connects": "Streams that were admitted";
    WAITING = "fairlead_xds_waiting": "New connections that wait until the backlog is smaller";
    BACKLOG = "fairlead_xds_backlog_bytes": "Bytes still to be sent to proxies that read their responses";
    CONNECTIONS = "fairlead_xds_connections": "Connections of proxies, with or without a stream";
    HELD = "fairlead_xds_held_bytes": "Bytes held for proxies besides the resources that they are served: unfinished requests, nodes, names that do not exist";
    REFUSED = "fairlead_xds_refused": "Streams that were refused";
    DISCONNECTS = "fairlead_xds_disconnects": "Streams that have ended";
    REQUESTS = "fairlead_xds_requests": "Requests received";
    ACKS = "fairlead_xds_acks": "Responses that proxies accepted, by type";
    NACKS = "fairlead_xds_nacks": "Responses that proxies rejected, by type";
    REJECTED_RESOURCES = "fairlead_xds_rejected_resources": "Contents found at fault for a rejection, by type";
    RESOURCES = "fairlead_xds_resources": "Resources sent, by type";
    REMOVED = "fairlead_xds_removed": "Names removed, by type";
    BYTES = "fairlead_xds_bytes": "Bytes of responses sent, by type";
    UNKNOWN_TYPES = "fairlead_xds_unknown_type_requests": "Requests for a type that is not served";
    LOAD_CLIENTS = "fairlead_load_report_clients": "Proxies that report their load";
    LOAD_KEYS = "fairlead_load_report_localities": "Pairs of cluster and locality with reported load";
    LOAD_REPORTS = "fairlead_load_reports": "Load reports received";
    LOAD_LEFT_OUT = "fairlead_load_report_left_out": "Counts in load reports that were left out, because there are too many clusters or a name is too long";
    SETTLE = "fairlead_settle_duration_seconds": "Seconds to compute the results of a round of changes";
    PUBLISH = "fairlead_publish_duration_seconds": "Seconds to hand the results of a round to the sessions";
    RECOMPUTED = "fairlead_queries_recomputed": "Computations of the engine, by query";
    SOURCE_UPDATES = "fairlead_source_updates": "Updates received from sources";
    SOURCE_CHANGES = "fairlead_source_changes": "Changes of objects in updates from sources";
    REVISION = "fairlead_revision": "The newest revision";
    VIEWS = "fairlead_views": "Distinct views of connected proxies";
    NODES = "fairlead_engine_nodes": "Nodes that the engine holds";
    EDGES = "fairlead_engine_edges": "Dependencies between the nodes of the engine";
    QUARANTINED = "fairlead_quarantined_resources": "Contents that a proxy has rejected and that are still published";
    OBJECTS = "fairlead_objects": "Objects in use, by kind";
    DIAGNOSTICS = "fairlead_diagnostics": "Findings that hold now, by severity and code";
}
