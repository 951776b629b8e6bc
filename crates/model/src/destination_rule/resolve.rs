//! A DestinationRule as a whole: host, visibility, subsets and the layers of its policies.

use fairlead_config::{
    Code, Config, Diagnostics, FieldPath, LabelSet,
    api::{self, DestinationRuleSpec},
    path,
};

use super::{DestinationRule, PolicyBlocks, PolicyLayer, Subset, blocks};
use crate::{Host, service::Visibility};

/// Resolves the names of `config` and drops, with a finding, what is not usable.
pub fn resolve(
    config: &Config<DestinationRuleSpec>,
    domain: &str,
    default_export: &Visibility,
    diagnostics: &mut Diagnostics,
) -> DestinationRule {
    let (spec, namespace) = (&config.spec, &config.key.namespace);
    let mut subsets: Vec<Subset> = Vec::with_capacity(spec.subsets.len());
    for (index, subset) in spec.subsets.iter().enumerate() {
        if subset.name.is_empty() {
            diagnostics.error(Code::BadName, path!("subsets"[index]."name"), "the subset has no name");
            continue;
        }
        if subsets.iter().any(|known| *known.name == *subset.name) {
            let message = format!("the subset `{}` is defined before", subset.name);
            diagnostics.error(Code::DuplicateName, path!("subsets"[index]."name"), message);
            continue;
        }
        let path = path!("subsets"[index]."trafficPolicy");
        subsets.push(Subset {
            name: subset.name.as_str().into(),
            origin: config.key.clone(),
            labels: LabelSet::from(&subset.labels),
            policy: layer(subset.traffic_policy.as_ref(), &path, diagnostics),
        });
    }
    let selector = spec.workload_selector.as_ref().map(|selector| LabelSet::from(&selector.match_labels));
    DestinationRule {
        origin: config.key.clone(),
        host: Host::resolve(&spec.host, namespace.as_str(), domain),
        export_to: Visibility::resolve(spec.export_to.iter().map(String::as_str), namespace, default_export),
        // Mirrors istio: a selector without labels selects nothing in particular and is as good as none.
        workload_selector: selector.filter(|labels| !labels.is_empty()),
        policy: layer(spec.traffic_policy.as_ref(), &path!("trafficPolicy"), diagnostics),
        subsets,
    }
}

fn layer(spec: Option<&api::TrafficPolicy>, path: &FieldPath, diagnostics: &mut Diagnostics) -> PolicyLayer {
    let Some(spec) = spec else { return PolicyLayer::default() };
    let blocks = PolicyBlocks {
        connection_pool: spec.connection_pool.as_ref().map(blocks::connection_pool),
        outlier_detection: spec.outlier_detection.as_ref().map(blocks::outlier_detection),
        ..tls_and_balancer(spec.load_balancer.as_ref(), spec.tls.as_ref(), path, diagnostics)
    };
    let mut layer = PolicyLayer { blocks, ports: std::collections::BTreeMap::new() };
    for (index, port) in spec.port_level_settings.iter().enumerate() {
        let path = path.clone().field("portLevelSettings").index(index);
        let number = port.port.as_ref().and_then(|port| port.number).unwrap_or(0);
        let Some(number) = u16::try_from(number).ok().filter(|number| *number > 0) else {
            let message = format!("`{number}` is not a port");
            diagnostics.error(Code::BadPort, path.field("port").field("number"), message);
            continue;
        };
        let blocks = PolicyBlocks {
            connection_pool: port.connection_pool.as_ref().map(blocks::connection_pool),
            outlier_detection: port.outlier_detection.as_ref().map(blocks::outlier_detection),
            ..tls_and_balancer(port.load_balancer.as_ref(), port.tls.as_ref(), &path, diagnostics)
        };
        // The first settings of a port count. Mirrors istio pilot/pkg/networking/util (GetPortLevelTrafficPolicy).
        layer.ports.entry(number).or_insert(blocks);
    }
    layer
}

fn tls_and_balancer(
    balancer: Option<&api::LoadBalancerSettings>,
    tls: Option<&api::ClientTlsSettings>,
    path: &FieldPath,
    diagnostics: &mut Diagnostics,
) -> PolicyBlocks {
    let mut balancing = PolicyBlocks::default();
    if let Some(spec) = balancer {
        balancing.load_balancer = blocks::load_balancer(spec);
        balancing.locality_lb = spec.locality_lb_setting.as_ref().map(blocks::locality_lb);
    }
    balancing.tls = tls.map(|tls| blocks::tls(tls, &path.clone().field("tls"), diagnostics));
    balancing
}
