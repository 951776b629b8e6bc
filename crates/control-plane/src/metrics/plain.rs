//! Values under istiod's names, exposed exactly as those names are: without the suffix `_total` that OpenMetrics
//! gives to counters.

use std::fmt;

use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeMetric, MetricEncoder},
    metrics::{MetricType, TypedMetric},
};

use super::labels::signed;

/// A count.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plain(pub(super) u64);

impl EncodeMetric for Plain {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        encoder.encode_gauge(&signed(self.0))
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Unknown
    }
}

/// The value 1, with labels that carry the information.
#[derive(Clone, Debug)]
pub(super) struct One<L>(pub(super) L);

impl<L: EncodeLabelSet> EncodeMetric for One<L> {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        encoder.encode_family(&self.0)?.encode_gauge(&1_i64)
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Gauge
    }
}

impl<L> TypedMetric for One<L> {
    const TYPE: MetricType = MetricType::Gauge;
}
