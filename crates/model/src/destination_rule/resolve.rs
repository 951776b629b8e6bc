//! A DestinationRule as a whole: host, visibility, subsets and the layers of its policies.

use fairlead_config::{
    Config, LabelSet,
    api::{self, DestinationRuleSpec},
};

use super::{DestinationRule, PolicyBlocks, PolicyLayer, PortPolicy, Subset, blocks};
use crate::{Host, service::Visibility};

/// Resolves the names of `config`.
///
/// The specification is valid: `config::validate::destination_rule` refuses any other.
pub fn resolve(
    config: &Config<DestinationRuleSpec>,
    domain: &str,
    default_export: &Visibility,
) -> DestinationRule {
    let (spec, namespace) = (&config.spec, &config.key.namespace);
    let subset = |(index, subset): (usize, &api::Subset)| Subset {
        name: subset.name.as_str().into(),
        origin: config.key.clone(),
        index,
        labels: LabelSet::from(&subset.labels),
        policy: layer(subset.traffic_policy.as_ref()),
    };
    let selector = spec.workload_selector.as_ref().map(|selector| LabelSet::from(&selector.match_labels));
    DestinationRule {
        origin: config.key.clone(),
        host: Host::resolve(&spec.host, namespace.as_str(), domain),
        export_to: Visibility::resolve(spec.export_to.iter().map(String::as_str), namespace, default_export),
        // As in Istio, a selector without labels counts as none.
        workload_selector: selector.filter(|labels| !labels.is_empty()),
        policy: layer(spec.traffic_policy.as_ref()),
        policy_origin: config.key.clone(),
        subsets: spec.subsets.iter().enumerate().map(subset).collect(),
    }
}

fn layer(spec: Option<&api::TrafficPolicy>) -> PolicyLayer {
    let Some(spec) = spec else { return PolicyLayer::default() };
    let blocks = PolicyBlocks {
        connection_pool: spec.connection_pool.as_ref().map(blocks::connection_pool),
        outlier_detection: spec.outlier_detection.as_ref().map(blocks::outlier_detection),
        ..tls_and_balancer(spec.load_balancer.as_ref(), spec.tls.as_ref())
    };
    let of_port = |(index, port): (usize, &api::PortTrafficPolicy)| {
        let number =
            port.port.as_ref().and_then(|port| port.number).and_then(|number| number.try_into().ok());
        let blocks = PolicyBlocks {
            connection_pool: port.connection_pool.as_ref().map(blocks::connection_pool),
            outlier_detection: port.outlier_detection.as_ref().map(blocks::outlier_detection),
            ..tls_and_balancer(port.load_balancer.as_ref(), port.tls.as_ref())
        };
        (number.expect("validation refuses what is no port"), PortPolicy { index, blocks })
    };
    PolicyLayer { blocks, ports: spec.port_level_settings.iter().enumerate().map(of_port).collect() }
}

fn tls_and_balancer(
    balancer: Option<&api::LoadBalancerSettings>,
    tls: Option<&api::ClientTlsSettings>,
) -> PolicyBlocks {
    let mut balancing = PolicyBlocks::default();
    if let Some(spec) = balancer {
        balancing.load_balancer = blocks::load_balancer(spec);
        balancing.locality_lb = spec.locality_lb_setting.as_ref().map(blocks::locality_lb);
    }
    balancing.tls = tls.map(blocks::tls);
    balancing
}
