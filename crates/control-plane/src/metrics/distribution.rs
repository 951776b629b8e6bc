//! The distributions of the sessions, as histograms.

use std::fmt;

use fairlead_xds::server::Distribution;
use prometheus_client::{
    encoding::{EncodeMetric, MetricEncoder, NoLabelSet},
    metrics::MetricType,
};

/// A distribution of whole numbers, and the number of their units in one exposed unit.
#[derive(Debug)]
pub(super) struct Scaled<'a> {
    pub(super) values: &'a Distribution,
    pub(super) per_unit: f64,
}

impl EncodeMetric for Scaled<'_> {
    #[expect(
        clippy::cast_precision_loss,
        reason = "sums beyond 2^53 microseconds or bytes lose their last digits"
    )]
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        let scaled = |value: u64| value as f64 / self.per_unit;
        // Read once, so that the total matches these counts whatever is counted meanwhile.
        let buckets: Vec<_> = self
            .values
            .counts()
            .into_iter()
            .map(|(bound, count)| (bound.map_or(f64::INFINITY, scaled), count))
            .collect();
        let count = buckets.iter().map(|(_, count)| count).sum();
        encoder.encode_histogram::<NoLabelSet>(scaled(self.values.sum()), count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}
