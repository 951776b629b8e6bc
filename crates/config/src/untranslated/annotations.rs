//! Annotations that Istio acts on and that have no effect here.
//! Spec: <https://istio.io/latest/docs/reference/config/annotations/>

/// Prefixes of annotations.
const PREFIXES: &[&str] = &[
    "alpha.istio.io/",
    "galley.istio.io/analyze-suppress",
    "inject.istio.io/",
    "networking.istio.io/",
    "prometheus.istio.io/",
    "proxy.istio.io/",
    "readiness.status.sidecar.istio.io/",
    "sidecar.istio.io/",
    "status.sidecar.istio.io/",
    "traffic.istio.io/",
    "traffic.sidecar.istio.io/",
];

/// Annotations that have an effect, and those that Istio writes itself.
const OTHERS: &[&str] =
    &["networking.istio.io/exportTo", "networking.istio.io/traffic-distribution", "sidecar.istio.io/status"];

/// Whether Istio would act on an annotation that nothing here does.
pub(crate) fn is_idle(key: &str) -> bool {
    PREFIXES.iter().any(|prefix| key.starts_with(prefix)) && !OTHERS.contains(&key)
}
