//! A service with many endpoints, all of which are one server.

use std::{
    fmt::Write as _,
    net::{IpAddr, Ipv4Addr},
};

use fairlead_lab::ports;
use fairlead_testkit::app::App;

/// The host of the service.
pub(crate) const HOST: &str = "crowd.example.com";
/// Its port.
pub(crate) const PORT: u16 = 8080;

/// One endpoint: the number of its address, and where it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// The last bytes of its address.
    pub(crate) number: u16,
    /// `region/zone`; empty: not known.
    pub(crate) locality: &'static str,
    /// Its weight among the endpoints.
    pub(crate) weight: u32,
}

/// The server behind all endpoints, and the addresses that are its.
pub(crate) struct Crowd {
    app: App,
}

impl Crowd {
    /// Starts the server, on all addresses of this machine.
    pub(crate) async fn start() -> Self {
        let any = ports::free_port(IpAddr::V4(Ipv4Addr::UNSPECIFIED)).unwrap();
        Self { app: App::http("crowd", "v1", any).await.unwrap() }
    }

    /// The address of an endpoint.
    pub(crate) fn address(number: u16) -> Ipv4Addr {
        let [high, low] = number.to_be_bytes();
        Ipv4Addr::new(127, 210, high, low)
    }

    /// The port of all endpoints.
    pub(crate) fn port(&self) -> u16 {
        self.app.address().port()
    }

    /// The service with these endpoints.
    pub(crate) fn service(&self, places: &[Place]) -> String {
        let mut endpoints = String::new();
        for Place { number, locality, weight } in places {
            let address = Self::address(*number);
            let locality =
                if locality.is_empty() { String::new() } else { format!(", locality: {locality}") };
            writeln!(endpoints, "  - {{address: {address}{locality}, weight: {weight}}}").unwrap();
        }
        format!(
            "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: crowd, namespace: shop}}\nspec:\n  hosts: [{HOST}]\n  ports: [{{number: {PORT}, name: http, protocol: HTTP, targetPort: {}}}]\n  resolution: STATIC\n  endpoints:\n{endpoints}",
            self.port()
        )
    }
}

/// Endpoints with these numbers in one locality, of weight 1.
pub(crate) fn places(numbers: std::ops::Range<u16>, locality: &'static str) -> Vec<Place> {
    numbers.map(|number| Place { number, locality, weight: 1 }).collect()
}

/// A DestinationRule of the service with this traffic policy.
pub(crate) fn rule(policy: &str) -> String {
    format!(
        "---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: crowd, namespace: shop}}\nspec: {{host: {HOST}, trafficPolicy: {policy}}}\n"
    )
}
