//! Fields of `MeshConfig` without effect. Spec: <https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/>

use crate::{Code, Severity};

/// A field without effect.
#[derive(Debug)]
pub(crate) struct Row {
    /// Its place, as `extensionProviders[].prometheus`.
    pub(crate) place: &'static str,
    /// Values that ask for the present behaviour.
    pub(crate) anyway: &'static [&'static str],
    /// A warning where requests are routed or protected differently from what the field asks for.
    pub(crate) severity: Severity,
    pub(crate) code: Code,
    /// What to use instead.
    pub(crate) help: &'static str,
}

impl Row {
    const fn warning(place: &'static str, anyway: &'static [&'static str]) -> Self {
        Self { place, anyway, severity: Severity::Warning, code: Code::NotTranslated, help: "" }
    }

    const fn info(place: &'static str, anyway: &'static [&'static str]) -> Self {
        Self { severity: Severity::Info, ..Self::warning(place, anyway) }
    }

    /// A feature that only istio-proxy has.
    const fn of_istio_proxy(place: &'static str, help: &'static str) -> Self {
        Self { code: Code::NotInStockEnvoy, help, ..Self::info(place, &[]) }
    }

    /// The field of the `MeshConfig` that the row is about or within.
    pub(crate) fn field(&self) -> &'static str {
        self.place.split(['.', '[']).next().unwrap_or(self.place)
    }

    /// Whether the field at `place` is meant, or lies within what is meant.
    pub(crate) fn covers(&self, place: &str) -> bool {
        place
            .strip_prefix(self.place)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[', '{']))
    }
}

const STATISTICS: &str = "Envoy's own statistics are at /stats/prometheus of the proxy's administration port";

/// All of them.
pub(crate) const ROWS: &[Row] = &[
    Row::info("ca", &[]),
    Row::info("caCertificates", &[]),
    Row::info("certificates", &[]),
    Row::info("configSources", &[]),
    Row::info("defaultConfig", &[]),
    Row::of_istio_proxy(
        "defaultConfig.proxyHeaders.metadataExchangeHeaders",
        "metadata is exchanged by filters of istio-proxy; stock Envoy sends no such headers",
    ),
    Row::info("defaultProviders.accessLogging", &[]),
    Row::of_istio_proxy("defaultProviders.metrics", STATISTICS),
    Row::info("defaultProviders.tracing", &[]),
    Row::warning("defaultTrafficPolicy.connectionPool.http.http2KeepAlive", &[]),
    Row::warning("defaultTrafficPolicy.outlierDetection.consecutiveErrors", &[]),
    Row::warning("defaultTrafficPolicy.outlierDetection.outlierDetectionHttpErrorCodes", &[]),
    Row::info("disableEnvoyListenerLog", &["true"]),
    Row::warning("discoverySelectors", &[]),
    Row::warning("enableAutoMtls", &["false"]),
    Row::info("enableEnvoyAccessLogService", &["false"]),
    Row::info("enablePrometheusMerge", &["false"]),
    Row::info("enableTracing", &["false"]),
    Row::info("extensionProviders", &[]),
    Row::of_istio_proxy("extensionProviders[].prometheus", STATISTICS),
    Row::warning("h2UpgradePolicy", &["DO_NOT_UPGRADE"]),
    Row::info("inboundClusterStatName", &[]),
    Row::info("ingressClass", &[]),
    Row::info("ingressControllerMode", &["OFF"]),
    Row::info("ingressSelector", &[]),
    Row::info("ingressService", &[]),
    Row::warning("meshMTLS", &[]),
    Row::info("outboundClusterStatName", &[]),
    Row::warning("pathNormalization.normalization", &["DEFAULT", "BASE"]),
    Row::info("serviceScopeConfigs", &[]),
    Row::warning("serviceSettings", &[]),
    Row::info("thriftConfig", &[]),
    Row::warning("tlsDefaults", &[]),
    Row::info("trustDomain", &["cluster.local"]),
    Row::info("trustDomainAliases", &[]),
    Row::warning("verifyCertificateAtClient", &["true"]),
];

/// Fields that are read, although they or something within them has no effect.
const PARTLY: &[&str] = &["defaultTrafficPolicy", "trustDomain"];

/// The fields of the `MeshConfig` that have no effect as a whole.
pub(crate) fn idle_fields() -> Vec<&'static str> {
    ROWS.iter().map(Row::field).filter(|field| !PARTLY.contains(field)).collect()
}
