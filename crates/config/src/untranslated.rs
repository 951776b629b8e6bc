//! Fields that are accepted but have no effect yet. A row is removed once its field is translated.

pub(crate) mod annotations;
pub(crate) mod mesh;

use crate::Kind;

/// A field without effect: its kind and place. `**.` at the start stands for any beginning.
const FIELDS: &[(Kind, &str)] = &[
    (Kind::VirtualService, "spec.http[].delegate"),
    (Kind::VirtualService, "spec.http[].match[].statPrefix"),
    (Kind::VirtualService, "spec.http[].fault.delay.exponentialDelay"),
    (Kind::VirtualService, "spec.http[].fault.abort.http2Error"),
    (Kind::VirtualService, "spec.tcp[].match[].sourceSubnet"),
    (Kind::DestinationRule, "**.loadBalancer.backendUtilization"),
    (Kind::DestinationRule, "**.loadBalancer.zoneAwareLbSetting"),
    (Kind::DestinationRule, "**.loadBalancer.warmup"),
    (Kind::DestinationRule, "**.loadBalancer.warmupDurationSecs"),
    (Kind::DestinationRule, "**.trafficPolicy.tunnel"),
    (Kind::DestinationRule, "**.trafficPolicy.proxyProtocol"),
    (Kind::DestinationRule, "**.trafficPolicy.retryBudget"),
    (Kind::DestinationRule, "**.tls.caCrl"),
    (Kind::DestinationRule, "**.http.http2KeepAlive"),
    (Kind::DestinationRule, "**.outlierDetection.outlierDetectionHttpErrorCodes"),
    (Kind::Gateway, "spec.servers[].defaultEndpoint"),
    (Kind::Gateway, "spec.servers[].port.targetPort"),
    (Kind::Gateway, "spec.servers[].tls.caCrl"),
    (Kind::Gateway, "spec.servers[].tls.credentialNames"),
    (Kind::Gateway, "spec.servers[].tls.caCertCredentialName"),
    (Kind::Gateway, "spec.servers[].tls.tlsCertificates"),
    (Kind::Gateway, "spec.servers[].tls.verifyCertificateSpki"),
    (Kind::Gateway, "spec.servers[].tls.verifyCertificateHash"),
    (Kind::Gateway, "spec.servers[].tls.ecdhCurves"),
    (Kind::Gateway, "spec.servers[].tls.insecureSkipVerify"),
    (Kind::Sidecar, "spec.ingress[].tls"),
    (Kind::Sidecar, "spec.ingress[].connectionPool"),
    (Kind::Sidecar, "spec.ingress[].port.targetPort"),
    (Kind::Sidecar, "spec.egress[].port.targetPort"),
    (Kind::Sidecar, "spec.inboundConnectionPool"),
    (Kind::Sidecar, "spec.outboundTrafficPolicy.egressProxy"),
];

/// A value without effect, of a field whose other values have one.
const VALUES: &[(Kind, &str, &str)] = &[
    (Kind::DestinationRule, "**.tls.mode", "ISTIO_MUTUAL"),
    (Kind::Gateway, "spec.servers[].tls.mode", "AUTO_PASSTHROUGH"),
    (Kind::Gateway, "spec.servers[].tls.mode", "ISTIO_MUTUAL"),
    (Kind::ServiceEntry, "spec.resolution", "DYNAMIC_DNS"),
];

/// The parts of a kind that have no effect yet.
pub(crate) struct Untranslated {
    fields: Vec<&'static str>,
    values: Vec<(&'static str, &'static str)>,
}

impl Untranslated {
    /// The rows of `kind`.
    pub(crate) fn of(kind: Kind) -> Self {
        let fields = FIELDS.iter().filter(|row| row.0 == kind).map(|row| row.1).collect();
        let values = VALUES.iter().filter(|row| row.0 == kind).map(|row| (row.1, row.2)).collect();
        Self { fields, values }
    }

    /// No row.
    pub(crate) fn none() -> Self {
        Self { fields: Vec::new(), values: Vec::new() }
    }

    /// Whether the field at `place` has an effect.
    pub(crate) fn has_effect(&self, place: &str) -> bool {
        !self.fields.iter().any(|row| covers(row, place))
    }

    /// The values of the field at `place` that have none.
    pub(crate) fn values_without_effect(&self, place: &str) -> Vec<&'static str> {
        self.values.iter().filter(|(row, _)| covers(row, place)).map(|(_, value)| *value).collect()
    }
}

fn covers(row: &str, place: &str) -> bool {
    match row.strip_prefix("**") {
        Some(end) => place.ends_with(end),
        None => row == place,
    }
}

/// All rows, for the test that each is a place of its kind's schema.
#[cfg(test)]
pub(crate) fn rows() -> impl Iterator<Item = (Kind, &'static str, Option<&'static str>)> {
    let fields = FIELDS.iter().map(|(kind, row)| (*kind, *row, None));
    fields.chain(VALUES.iter().map(|(kind, row, value)| (*kind, *row, Some(*value))))
}
