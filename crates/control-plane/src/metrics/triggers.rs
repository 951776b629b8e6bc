//! The triggers of rounds of changes, in istiod's words.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

use fairlead_config::Kind;
use prometheus_client::{
    encoding::{EncodeMetric, MetricEncoder},
    metrics::{MetricType, TypedMetric},
};

use super::{labels::TypeLabel, plain::Plain};

/// The words for groups of kinds. Kinds without a word of their own count as `config`.
const WORDS: [&str; 5] = ["config", "endpoint", "global", "secret", "service"];

/// Number of rounds by what changed in them.
#[derive(Debug, Default)]
pub(super) struct Triggers([AtomicU64; WORDS.len()]);

impl Triggers {
    /// Counts a round in which objects of these kinds changed: once for each word.
    pub(super) fn count(&self, kinds: impl Iterator<Item = Kind>) {
        let mut found = [false; WORDS.len()];
        for kind in kinds {
            found[word(kind)] = true;
        }
        for (count, _) in self.0.iter().zip(found).filter(|(_, found)| *found) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn word(kind: Kind) -> usize {
    match kind {
        Kind::VirtualService | Kind::DestinationRule | Kind::Gateway | Kind::Sidecar => 0,
        Kind::EndpointSlice | Kind::Endpoints | Kind::Pod | Kind::WorkloadEntry => 1,
        // The mesh's settings, and nodes and namespaces, which may concern everything.
        Kind::ConfigMap | Kind::Node | Kind::Namespace => 2,
        Kind::Secret => 3,
        Kind::Service | Kind::ServiceEntry => 4,
    }
}

/// The collector that is registered, which reads the counts.
#[derive(Clone, Debug)]
pub(super) struct Exposed(pub(super) std::sync::Arc<Triggers>);

impl EncodeMetric for Exposed {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        for (word, count) in WORDS.iter().zip(&self.0.0) {
            let labels = TypeLabel { r#type: word };
            Plain(count.load(Ordering::Relaxed)).encode(encoder.encode_family(&labels)?)?;
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Unknown
    }
}

impl TypedMetric for Exposed {
    const TYPE: MetricType = MetricType::Unknown;
}
