//! Routes that only forward: nearly all there are. They differ in texts, so each shape of them is made once.

use std::{sync::Arc, time::Duration};

use envoy_types::pb::envoy::config::route::v3::{Route, RouteAction};
use fairlead_envoy::{
    IntoProto, Template,
    route::{PathMatch, Upstream, cluster_weight, forward, policy::retry_policy, route, route_match},
};
use fairlead_incremental::{Query, Reader, Stratum};
use fairlead_model::{
    mesh::{Mesh, ResolvedMesh},
    routes::{Headers, HttpAction, HttpMatch, HttpRoute, Retries, Rewrite, StringMatch},
    strata,
};

use super::{EncodedRoute, matching, retry, set_timeout};
use crate::{metadata, names, routes::virtual_host::VirtualHostInputs};

/// What routes that only forward differ in, but for texts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::routes) struct PlainShape {
    path: PathKind,
    origin: Origin,
    timeout: Option<Duration>,
    retries: Option<Retries>,
    /// The weights of the clusters; none for a single one.
    weights: Arc<[u32]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum PathKind {
    Any,
    Exact,
    Prefix,
    Regex,
}

/// Whose route it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Origin {
    /// The only one of a host without a route set.
    Service,
    VirtualService {
        has_name: bool,
        ignore_case: bool,
    },
}

/// A plain route of each shape.
pub(in crate::routes) struct PlainRoute;

impl Query for PlainRoute {
    type Key = PlainShape;
    type Value = Template;
    const NAME: &'static str = "plain_route";
    const STRATUM: Stratum = strata::TEMPLATE;

    fn compute(cx: &Reader<'_>, shape: &PlainShape) -> Template {
        template(shape, &cx.get::<ResolvedMesh>(&()))
    }
}

/// The texts of a plain route, in the order in which its template takes them.
struct Texts<'a> {
    name: Option<&'a str>,
    path: Option<&'a str>,
    clusters: &'a [String],
    config: Option<&'a str>,
}

impl<'a> Texts<'a> {
    fn in_order(&self) -> Vec<&'a str> {
        let clusters = self.clusters.iter().map(String::as_str);
        self.name.into_iter().chain(self.path).chain(clusters).chain(self.config).collect()
    }
}

impl PlainShape {
    fn clusters(&self) -> usize {
        self.weights.len().max(1)
    }

    fn has_name(&self) -> bool {
        matches!(self.origin, Origin::VirtualService { has_name: true, .. })
    }

    fn holes(&self) -> usize {
        let config = matches!(self.origin, Origin::VirtualService { .. });
        usize::from(self.has_name())
            + usize::from(self.path != PathKind::Any)
            + self.clusters()
            + usize::from(config)
    }
}

fn template(shape: &PlainShape, mesh: &Mesh) -> Template {
    Template::new(shape.holes(), |texts| {
        let mut texts = texts.iter().cloned();
        let mut next = || texts.next().expect("the shape has counted them");
        let name = shape.has_name().then(&mut next);
        let path = match shape.path {
            PathKind::Any => PathMatch::Prefix("/".to_owned()),
            PathKind::Exact => PathMatch::Exact(next()),
            PathKind::Prefix => PathMatch::Prefix(next()),
            PathKind::Regex => PathMatch::Regex(next().into()),
        };
        let upstream = if shape.weights.is_empty() {
            Upstream::Cluster(next())
        } else {
            Upstream::Weighted(shape.weights.iter().map(|weight| cluster_weight(next(), *weight)).collect())
        };
        let mut condition = route_match(path);
        let action = forwarding(upstream, shape, mesh).into();
        match shape.origin {
            Origin::Service => route(names::DEFAULT_ROUTE, condition, action),
            Origin::VirtualService { ignore_case, .. } => {
                condition.case_sensitive = Some((!ignore_case).into_proto());
                Route {
                    metadata: Some(metadata::config_at(next())),
                    ..route(name.unwrap_or_default(), condition, action)
                }
            }
        }
    })
}

fn forwarding(upstream: Upstream, shape: &PlainShape, mesh: &Mesh) -> RouteAction {
    let mut action = forward(upstream);
    set_timeout(&mut action, shape.timeout);
    action.retry_policy = retry::policy(shape.retries.as_ref(), mesh, false).map(retry_policy);
    action
}

/// The route of a host without a route set, to a cluster whose requests are not hashed.
pub(super) fn of_service(cluster: String, inputs: &VirtualHostInputs<'_>) -> EncodedRoute {
    let shape = PlainShape {
        path: PathKind::Any,
        origin: Origin::Service,
        timeout: None,
        retries: None,
        weights: Arc::default(),
    };
    let texts = Texts { name: None, path: None, clusters: &[cluster], config: None };
    EncodedRoute { bytes: (inputs.plain_route)(&shape).fill(&texts.in_order()), is_catch_all: true }
}

/// The route for one condition of a route set, if it only forwards, to clusters whose requests are not hashed.
pub(super) fn of_virtual_service(
    http: &HttpRoute,
    condition: &HttpMatch,
    port: u16,
    config: &str,
    inputs: &VirtualHostInputs<'_>,
) -> Option<EncodedRoute> {
    let HttpAction::Route { destinations, rewrite } = &http.action else { return None };
    if !only_forwards(http, rewrite) || !matching::asks_for_path_alone(condition) {
        return None;
    }
    if inputs.key.sizes_expressions && matches!(condition.uri, Some(StringMatch::Regex(_))) {
        return None;
    }
    if destinations.iter().any(|d| d.headers != Headers::default())
        || !super::hash_policies(destinations.iter().map(|d| &d.destination), port, inputs).is_empty()
    {
        return None;
    }
    let (kind, path) = match &condition.uri {
        None | Some(StringMatch::Present) => (PathKind::Any, None),
        Some(StringMatch::Exact(path)) => (PathKind::Exact, Some(&**path)),
        Some(StringMatch::Prefix(prefix)) => (PathKind::Prefix, Some(&**prefix)),
        Some(StringMatch::Regex(expression)) => (PathKind::Regex, Some(&**expression)),
    };
    // An empty text may not be on the wire.
    if path == Some("") {
        return None;
    }
    let name = super::name(http, condition);
    let shape = PlainShape {
        path: kind,
        origin: Origin::VirtualService { has_name: !name.is_empty(), ignore_case: condition.ignore_uri_case },
        timeout: http.timeout,
        retries: http.retries.clone(),
        weights: match &destinations[..] {
            [_] => Arc::default(),
            several => several.iter().map(|d| d.weight).collect(),
        },
    };
    let clusters: Vec<String> =
        destinations.iter().map(|d| super::cluster(&d.destination, port, inputs)).collect();
    let texts = Texts {
        name: Some(&*name).filter(|name| !name.is_empty()),
        path,
        clusters: &clusters,
        config: Some(config),
    };
    let is_catch_all = match kind {
        PathKind::Any => true,
        PathKind::Exact => false,
        PathKind::Prefix => path == Some("/"),
        PathKind::Regex => path == Some(".*"),
    };
    Some(EncodedRoute { bytes: (inputs.plain_route)(&shape).fill(&texts.in_order()), is_catch_all })
}

fn only_forwards(http: &HttpRoute, rewrite: &Rewrite) -> bool {
    http.fault.is_none()
        && http.cors.is_none()
        && http.mirrors.is_empty()
        && http.headers == Headers::default()
        && *rewrite == Rewrite::default()
}
