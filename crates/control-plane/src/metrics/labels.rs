//! The labels of metrics, and their values.

use fairlead_resource::TypeUrl;
use prometheus_client::encoding::EncodeLabelSet;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct TypeLabel {
    pub(super) r#type: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct QueryLabel {
    pub(super) query: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct KindLabel {
    pub(super) kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct DiagnosticLabels {
    pub(super) severity: &'static str,
    pub(super) code: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct BuildLabels {
    pub(super) component: &'static str,
    pub(super) tag: &'static str,
}

/// A count as the value of a gauge.
pub(super) fn signed(count: impl TryInto<i64>) -> i64 {
    count.try_into().unwrap_or(i64::MAX)
}

/// istiod's label for a type.
pub(super) fn type_name(type_url: TypeUrl) -> &'static str {
    match type_url {
        TypeUrl::CLUSTER => "cds",
        TypeUrl::CLUSTER_LOAD_ASSIGNMENT => "eds",
        TypeUrl::LB_ENDPOINT => "leds",
        TypeUrl::LISTENER => "lds",
        TypeUrl::FILTER_CHAIN => "fcds",
        TypeUrl::ROUTE_CONFIGURATION => "rds",
        TypeUrl::VIRTUAL_HOST => "vhds",
        TypeUrl::SECRET => "sds",
        other => other.short(),
    }
}
