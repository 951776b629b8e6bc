//! Metrics that are read on each scrape: the counts of the ADS server, and the time.

use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::Instant,
};

use fairlead_resource::{TypeUrl, Types};
use fairlead_xds::server::{Count, Counters, PerType, Sessions};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{counter::ConstCounter, gauge::ConstGauge},
};

use super::{
    distribution::Scaled,
    labels::{TypeLabel, signed, type_name},
    names::{self, Name},
    plain::Plain,
    process::Process,
};

/// Reads the sessions of a server.
pub(super) struct Live {
    sessions: Arc<OnceLock<Sessions>>,
    started: Instant,
}

impl Live {
    pub(super) fn new(sessions: Arc<OnceLock<Sessions>>, started: Instant) -> Self {
        Self { sessions, started }
    }
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live").field("started", &self.started).finish_non_exhaustive()
    }
}

impl Collector for Live {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut out = Out { encoder };
        out.one(&names::UPTIME, &ConstGauge::new(self.started.elapsed().as_secs_f64()))?;
        if let Some(process) = Process::now() {
            out.process(&process)?;
        }
        let Some(sessions) = self.sessions.get() else { return Ok(()) };
        let loads = sessions.loads();
        let gauges = [
            (&names::LOAD_CLIENTS, loads.clients()),
            (&names::LOAD_KEYS, loads.len()),
            (&names::CLIENTS, sessions.len()),
            (&names::CONNECTIONS, sessions.connections()),
            (&names::HELD, sessions.held_bytes()),
            (&names::WAITING, sessions.waiting()),
            (&names::BACKLOG, sessions.backlog_bytes()),
        ];
        for (name, value) in gauges {
            out.one(name, &ConstGauge::new(signed(value)))?;
        }
        out.one(&names::LOAD_REPORTS, &ConstCounter::new(loads.reports()))?;
        out.one(&names::LOAD_LEFT_OUT, &ConstCounter::new(loads.left_out()))?;
        out.of_istiod(sessions.counters())?;
        out.own(sessions.counters())
    }
}

struct Out<'a> {
    encoder: DescriptorEncoder<'a>,
}

impl Out<'_> {
    fn process(&mut self, process: &Process) -> fmt::Result {
        self.one(&names::CPU, &ConstCounter::new(process.cpu_seconds))?;
        self.one(&names::STARTED, &ConstGauge::new(process.started))?;
        let gauges = [
            (&names::RESIDENT, Some(process.resident)),
            (&names::VIRTUAL, Some(process.virtual_memory)),
            (&names::OPEN_FILES, Some(process.open_files as u64)),
            (&names::MOST_FILES, process.most_files),
            (&names::THREADS, u64::try_from(process.threads).ok()),
        ];
        for (name, value) in gauges {
            if let Some(value) = value {
                self.one(name, &ConstGauge::new(signed(value)))?;
            }
        }
        Ok(())
    }

    fn of_istiod(&mut self, counters: &Counters) -> fmt::Result {
        self.per_type(&names::PUSHES, &counters.pushes, Plain)?;
        self.per_type(&names::REJECTS, &counters.nacks, Plain)?;
        for (name, of) in [
            (&names::CDS_REJECTS, TypeUrl::CLUSTER),
            (&names::EDS_REJECTS, TypeUrl::CLUSTER_LOAD_ASSIGNMENT),
            (&names::LDS_REJECTS, TypeUrl::LISTENER),
            (&names::RDS_REJECTS, TypeUrl::ROUTE_CONFIGURATION),
        ] {
            let is_of = |type_url: &TypeUrl| *type_url == of || Types::envoy().parent(*type_url) == Some(of);
            let rejects =
                TypeUrl::ENVOY.into_iter().filter(is_of).map(|type_url| counters.nacks.get(type_url));
            self.one(name, &Plain(rejects.sum()))?;
        }
        let (times, sizes) = (&counters.times, &counters.sizes);
        self.each_type(&names::PUSH_TIME, |of| Scaled { values: times.get(of), per_unit: 1e6 })?;
        self.each_type(&names::CONFIG_SIZE, |of| Scaled { values: sizes.get(of), per_unit: 1.0 })?;
        self.one(&names::INTERNAL_ERRORS, &Plain(counters.panics.get()))?;
        self.one(&names::EXPIRED_NONCES, &Plain(counters.stale_nonces.get()))?;
        self.one(&names::WRITE_TIMEOUTS, &Plain(counters.stalled.get()))
    }

    fn own(&mut self, counters: &Counters) -> fmt::Result {
        let counts: [(&Name, &Count); 5] = [
            (&names::CONNECTS, &counters.connects),
            (&names::REFUSED, &counters.refused),
            (&names::DISCONNECTS, &counters.disconnects),
            (&names::REQUESTS, &counters.requests),
            (&names::UNKNOWN_TYPES, &counters.unknown_types),
        ];
        for (name, count) in counts {
            self.one(name, &ConstCounter::new(count.get()))?;
        }
        let per_type: [(&Name, &PerType); 6] = [
            (&names::ACKS, &counters.acks),
            (&names::NACKS, &counters.nacks),
            (&names::REJECTED_RESOURCES, &counters.rejected_resources),
            (&names::RESOURCES, &counters.resources),
            (&names::REMOVED, &counters.removed),
            (&names::BYTES, &counters.bytes),
        ];
        for (name, counts) in per_type {
            self.per_type(name, counts, ConstCounter::new)?;
        }
        Ok(())
    }

    fn one(&mut self, name: &Name, metric: &impl EncodeMetric) -> fmt::Result {
        let encoder = self.encoder.encode_descriptor(name.name, name.help, None, metric.metric_type())?;
        metric.encode(encoder)
    }

    fn per_type<M: EncodeMetric>(
        &mut self,
        name: &Name,
        counts: &PerType,
        metric: impl Fn(u64) -> M,
    ) -> fmt::Result {
        self.each_type(name, |type_url| metric(counts.get(type_url)))
    }

    fn each_type<M: EncodeMetric>(&mut self, name: &Name, metric: impl Fn(TypeUrl) -> M) -> fmt::Result {
        let metric_type = metric(TypeUrl::CLUSTER).metric_type();
        let mut encoder = self.encoder.encode_descriptor(name.name, name.help, None, metric_type)?;
        for type_url in TypeUrl::ENVOY {
            let labels = TypeLabel { r#type: type_name(type_url) };
            metric(type_url).encode(encoder.encode_family(&labels)?)?;
        }
        Ok(())
    }
}
