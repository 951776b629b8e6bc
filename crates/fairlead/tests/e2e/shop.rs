//! A shop: one service of three versions, and client sidecars that call it.

use fairlead_lab::client::{Answer, Request};
use http::Method;

use crate::harness::{APP_PORT, Egress, Endpoint, Mesh, Proxy, Service};

/// The namespace of the shop.
pub(crate) const NAMESPACE: &str = "shop";
/// The first port of `reviews`.
pub(crate) const PORT: u16 = 8080;
/// The second port of `reviews`.
pub(crate) const OTHER_PORT: u16 = 8081;
/// The host of `reviews`.
pub(crate) const HOST: &str = "reviews.shop.svc.cluster.local";
const VERSIONS: [&str; 3] = ["v1", "v2", "v3"];

/// `reviews` in three versions, each a subset, without an Envoy in front of it, and one client.
pub(crate) struct Shop {
    /// The client. Declared first: Envoys end before the control plane.
    pub(crate) client: Proxy,
    /// The versions of `reviews`, in order.
    pub(crate) servers: Vec<Endpoint>,
    /// The mesh.
    pub(crate) mesh: Mesh,
}

impl Shop {
    /// Starts it.
    pub(crate) async fn open() -> Self {
        let mesh = Mesh::start().await;
        let servers = Endpoint::several("reviews", &VERSIONS, NAMESPACE).await;
        mesh.publish("reviews.yaml", &service(&servers)).await;
        mesh.publish("subsets.yaml", &rule(&subsets(""))).await;
        let client = mesh.client("client", NAMESPACE, &[Egress::http(PORT), Egress::http(OTHER_PORT)]).await;
        Self { client, servers, mesh }
    }

    /// Makes these the routes of `reviews`: the items of `http:`, in flow or block form at no indentation.
    pub(crate) async fn routes(&self, http: &str) {
        self.mesh.apply("routes.yaml", &virtual_service("reviews", "[reviews]", http)).await;
        self.mesh.assert_valid("routes.yaml").await;
    }

    /// Sets the traffic policy of `reviews`, beside a subset for each version, and forgets its routes.
    pub(crate) async fn policy(&self, policy: &str) {
        self.mesh.publish("routes.yaml", "").await;
        self.mesh.apply("subsets.yaml", &rule(&subsets(policy))).await;
        self.mesh.assert_valid("subsets.yaml").await;
    }

    /// Leaves the first so many versions.
    pub(crate) async fn endpoints(&self, count: usize) {
        self.mesh.apply("reviews.yaml", &service(&self.servers[..count])).await;
    }

    /// Requests that match go to `v2`, all others to `v1`.
    pub(crate) async fn split(&self, matching: &str) {
        self.routes(&format!("- match: {matching}\n  route: {V2}\n- route: {V1}\n")).await;
    }

    /// Whether a request, split so before, matches.
    pub(crate) async fn matches(&self, request: &Request) -> bool {
        self.matches_at(&self.client, PORT, request).await
    }

    /// As [`Shop::matches`], by another client or at another port.
    pub(crate) async fn matches_at(&self, client: &Proxy, port: u16, request: &Request) -> bool {
        let answer = client.send(port, request.clone()).await;
        match answer.version() {
            Some("v2") => true,
            Some("v1") => false,
            other => panic!("{request:?} was answered {} by {other:?}: {}", answer.status, answer.text()),
        }
    }

    /// Splits by `matching` and checks which requests do match and which do not.
    pub(crate) async fn check_match(&self, matching: &str, hits: &[Request], misses: &[Request]) {
        self.split(matching).await;
        for (requests, expected) in [(hits, true), (misses, false)] {
            for request in requests {
                assert_eq!(self.matches(request).await, expected, "{matching} and {request:?}");
            }
        }
    }

    /// One request to `reviews`.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.client.get(PORT, "reviews", path).await
    }

    /// One request to the first port.
    pub(crate) async fn send(&self, request: Request) -> Answer {
        self.client.send(PORT, request).await
    }

    /// Forgets what the servers have seen and were told to do.
    pub(crate) fn reset(&self) {
        for server in &self.servers {
            server.app.clear_requests();
            server.app.clear_scripts();
        }
    }

    /// How many requests for a path each version has seen.
    pub(crate) fn counts(&self, path: &str) -> Vec<usize> {
        self.servers.iter().map(|server| server.app.count(path)).collect()
    }
}

/// To the first version.
pub(crate) const V1: &str = "[{destination: {host: reviews, subset: v1}}]";
/// To the second version.
pub(crate) const V2: &str = "[{destination: {host: reviews, subset: v2}}]";

/// `GET path` of `reviews`.
pub(crate) fn get(path: &str) -> Request {
    Request::get(path).host("reviews")
}

/// `method path` of `reviews`.
pub(crate) fn request(method: Method, path: &str) -> Request {
    Request::new(method, path).host("reviews")
}

/// The Service `reviews` with these endpoints.
pub(crate) fn service(endpoints: &[Endpoint]) -> String {
    let service = Service::new("reviews", NAMESPACE).http(PORT).port("http-other", OTHER_PORT, APP_PORT);
    service.yaml(endpoints)
}

/// A VirtualService of the shop.
pub(crate) fn virtual_service(name: &str, hosts: &str, http: &str) -> String {
    let http = http.replace('\n', "\n  ");
    format!(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: {name}, namespace: {NAMESPACE}}}\nspec:\n  hosts: {hosts}\n  http:\n  {http}\n"
    )
}

/// The DestinationRule of `reviews` with what `spec` says, at no indentation.
pub(crate) fn rule(spec: &str) -> String {
    let spec = spec.replace('\n', "\n  ");
    format!(
        "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: reviews, namespace: {NAMESPACE}}}\nspec:\n  host: reviews\n  {spec}\n"
    )
}

/// A subset for each version, and a traffic policy in front of them.
pub(crate) fn subsets(policy: &str) -> String {
    let subset = |version: &&str| format!("- {{name: {version}, labels: {{version: {version}}}}}\n");
    let policy = if policy.is_empty() { String::new() } else { format!("trafficPolicy: {policy}\n") };
    format!("{policy}subsets:\n{}", VERSIONS.iter().map(subset).collect::<String>())
}
