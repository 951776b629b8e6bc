//! LRS, the load reporting service: clients report what they sent to each cluster and locality.
//!
//! A client reports only if its bootstrap says so. It is asked for all its clusters at once, at an interval that the
//! owner chooses. Counts are added up per cluster and locality, at most [`KEYS`] and [`KEY_BYTES`] of them: clients are
//! not trusted to name few, and each name counts against its client's budget.

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use envoy_types::pb::{
    envoy::{
        config::endpoint::v3::UpstreamLocalityStats,
        service::load_stats::v3::{
            LoadStatsRequest, LoadStatsResponse,
            load_reporting_service_server::{LoadReportingService, LoadReportingServiceServer},
        },
    },
    google::protobuf::Duration as ProtoDuration,
};
use futures_util::{Stream, stream};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

use super::{
    clients::{Client, Held},
    greeted::Greeted,
    io::ConnectionInfo,
    options::ServerOptions,
};
use crate::Locality;

/// Maximum number of clusters and localities kept: five times the number of services at the design scale.
const KEYS: usize = 50_000;

/// Maximum size in bytes of their names together: a few hundred for each.
const KEY_BYTES: usize = 16 << 20;

/// Maximum size in bytes of the name of a cluster or locality that is kept.
const NAME_BYTES: usize = 1024;

/// Minimum silence, in time and in intervals, after which a client is forgotten.
const SILENCE: Duration = Duration::from_secs(60);
const SILENT_INTERVALS: u32 = 6;

/// A cluster, and a locality in it.
pub type LoadKey = (String, Locality);

/// The reported load of a cluster and locality since the server started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Requests begun.
    pub issued: u64,
    /// Requests that ended well.
    pub successful: u64,
    /// Requests that failed.
    pub errors: u64,
    /// Requests in progress at connected clients, as of their last reports.
    pub in_progress: u64,
}

/// All reports. Clones share their state.
#[derive(Clone, Default)]
pub struct LoadReports {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    loads: BTreeMap<LoadKey, Load>,
    key_bytes: usize,
    reports: u64,
    left_out: u64,
    clients: usize,
}

impl LoadReports {
    /// The loads by cluster and locality.
    pub fn snapshot(&self) -> BTreeMap<LoadKey, Load> {
        self.lock().loads.clone()
    }

    /// How many clusters and localities are known.
    pub fn len(&self) -> usize {
        self.lock().loads.len()
    }

    /// Whether nothing was reported.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many reports have been received.
    pub fn reports(&self) -> u64 {
        self.lock().reports
    }

    /// How many counts were left out, because there are too many clusters or a name is too long.
    pub fn left_out(&self) -> u64 {
        self.lock().left_out
    }

    /// How many clients report.
    pub fn clients(&self) -> usize {
        self.lock().clients
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The requests in progress at one client; removed when its stream ends.
struct Reporter {
    reports: LoadReports,
    in_progress: BTreeMap<LoadKey, u64>,
    /// The bytes held for that; `None` without a connection of this server.
    held: Option<Held>,
    bytes: usize,
}

impl Reporter {
    fn new(reports: LoadReports, client: Option<&Arc<Client>>) -> Self {
        reports.lock().clients += 1;
        let held = client.and_then(|client| client.hold(0));
        Self { reports, in_progress: BTreeMap::new(), held, bytes: 0 }
    }

    /// Whether a further key may be kept for this client.
    fn affords(&mut self, key: &LoadKey) -> bool {
        let bytes = self.bytes + bytes_of(key);
        let affords = self.held.as_mut().is_none_or(|held| held.resize(bytes));
        if affords {
            self.bytes = bytes;
        }
        affords
    }

    fn report(&mut self, request: LoadStatsRequest) {
        let reports = self.reports.clone();
        let mut inner = reports.lock();
        inner.reports += 1;
        for cluster in request.cluster_stats {
            for stats in cluster.upstream_locality_stats {
                self.add(&mut inner, &cluster.cluster_name, &stats);
            }
        }
    }

    fn add(&mut self, inner: &mut Inner, cluster: &str, stats: &UpstreamLocalityStats) {
        let locality = stats.locality.clone().unwrap_or_default();
        let locality = Locality { region: locality.region, zone: locality.zone, sub_zone: locality.sub_zone };
        let names = [cluster, &locality.region, &locality.zone, &locality.sub_zone];
        let short = names.iter().all(|name| name.len() <= NAME_BYTES);
        let key = (cluster.to_owned(), locality);
        let full = inner.loads.len() >= KEYS || inner.key_bytes >= KEY_BYTES;
        let known = short && inner.loads.contains_key(&key);
        if !short || (full && !known) || !(self.in_progress.contains_key(&key) || self.affords(&key)) {
            inner.left_out += 1;
            return;
        }
        if !known {
            inner.key_bytes += bytes_of(&key);
        }
        let load = inner.loads.entry(key.clone()).or_default();
        load.issued = load.issued.saturating_add(stats.total_issued_requests);
        load.successful = load.successful.saturating_add(stats.total_successful_requests);
        load.errors = load.errors.saturating_add(stats.total_error_requests);
        let before = self.in_progress.insert(key, stats.total_requests_in_progress).unwrap_or_default();
        load.in_progress =
            load.in_progress.saturating_sub(before).saturating_add(stats.total_requests_in_progress);
    }
}

fn bytes_of((cluster, locality): &LoadKey) -> usize {
    let texts = [cluster, &locality.region, &locality.zone, &locality.sub_zone];
    size_of::<LoadKey>() + texts.iter().map(|text| text.len()).sum::<usize>()
}

impl Drop for Reporter {
    fn drop(&mut self) {
        let mut inner = self.reports.lock();
        inner.clients -= 1;
        for (key, count) in &self.in_progress {
            if let Some(load) = inner.loads.get_mut(key) {
                load.in_progress = load.in_progress.saturating_sub(*count);
            }
        }
    }
}

/// The service.
#[derive(Clone)]
pub(super) struct LoadReporting {
    reports: LoadReports,
    interval: Option<Duration>,
    greeting_timeout: Duration,
    draining: CancellationToken,
}

impl LoadReporting {
    pub(super) fn service(
        reports: LoadReports,
        options: &ServerOptions,
        draining: CancellationToken,
    ) -> LoadReportingServiceServer<Self> {
        LoadReportingServiceServer::new(Self {
            reports,
            interval: options.load_report_interval,
            greeting_timeout: options.greeting_timeout,
            draining,
        })
    }
}

#[tonic::async_trait]
impl LoadReportingService for LoadReporting {
    type StreamLoadStatsStream = Pin<Box<dyn Stream<Item = Result<LoadStatsResponse, Status>> + Send>>;

    async fn stream_load_stats(
        &self,
        request: Request<Streaming<LoadStatsRequest>>,
    ) -> Result<Response<Self::StreamLoadStatsStream>, Status> {
        let Some(interval) = self.interval else {
            return Err(Status::unimplemented("load reports are not taken here"));
        };
        let client = request.extensions().get::<ConnectionInfo>().map(|info| info.client.clone());
        let silence = SILENCE.max(interval * SILENT_INTERVALS);
        let listener = Listener {
            requests: Greeted::new(request.into_inner(), self.greeting_timeout, silence),
            reporter: Reporter::new(self.reports.clone(), client.as_ref()),
            interval,
            draining: self.draining.clone(),
        };
        let answers = stream::unfold(Some(listener), |listener| async { listener?.listen().await });
        Ok(Response::new(Box::pin(answers)))
    }
}

/// One stream.
struct Listener {
    requests: Greeted<LoadStatsRequest>,
    reporter: Reporter,
    interval: Duration,
    draining: CancellationToken,
}

type Answer = (Result<LoadStatsResponse, Status>, Option<Listener>);

impl Listener {
    /// Accepts the next report and answers it. Envoy looks for new clusters only when it is answered; it goes on
    /// counting those that it counts already.
    async fn listen(mut self) -> Option<Answer> {
        let request = tokio::select! {
            request = self.requests.next() => request,
            () = self.draining.cancelled() => {
                return Some((Err(Status::unavailable("the control plane is shutting down")), None));
            }
        };
        match request {
            Ok(Some(request)) => {
                self.reporter.report(request);
                Some((Ok(wanted(self.interval)), Some(self)))
            }
            Ok(None) => None,
            Err(status) => Some((Err(status), None)),
        }
    }
}

fn wanted(interval: Duration) -> LoadStatsResponse {
    LoadStatsResponse {
        send_all_clusters: true,
        load_reporting_interval: Some(ProtoDuration {
            seconds: i64::try_from(interval.as_secs()).unwrap_or(i64::MAX),
            nanos: i32::try_from(interval.subsec_nanos()).unwrap_or_default(),
        }),
        ..LoadStatsResponse::default()
    }
}

#[cfg(test)]
mod tests;
