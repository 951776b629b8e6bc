//! Two Envoys that differ only in the protocol by which they are configured, each under a load of its own.

use fairlead_lab::client::{Client, Request};

use crate::harness::{
    Egress, Mesh, Proxy, egress_yaml,
    traffic::{Change, Ended, Traffic},
};

/// The namespace of everything.
pub(crate) const NAMESPACE: &str = "shop";

/// How often a change is made and taken back.
const ROUNDS: usize = 4;

/// One Envoy on the incremental protocol and one on that of the state of the world.
pub(crate) struct Pair {
    /// The two, each with its name for messages.
    pub(crate) proxies: [(&'static str, Proxy); 2],
}

/// The loads of both.
pub(crate) struct Loads {
    loads: Vec<(&'static str, Traffic)>,
}

/// What the loads of both have seen.
pub(crate) struct BothEnded {
    ended: Vec<(&'static str, Ended)>,
}

impl Pair {
    /// Two client sidecars with an HTTP listener at `port`.
    pub(crate) async fn sidecars(mesh: &Mesh, port: u16) -> Self {
        let egress = [Egress::http(port)];
        let mut proxies = Vec::new();
        for (name, whole) in [("delta", false), ("world", true)] {
            let mut starting = mesh.sidecar(name, NAMESPACE);
            if whole {
                starting = starting.state_of_the_world();
            }
            let yaml = starting.sidecar_yaml("", &egress_yaml(starting.address(), &egress));
            mesh.publish(&format!("sidecar-{name}.yaml"), &yaml).await;
            proxies.push((name, starting.start().await));
        }
        Self::of(proxies)
    }

    /// Two gateways with the labels `app: delta` and `app: world`, each at an address of its own.
    pub(crate) async fn gateways(mesh: &Mesh) -> Self {
        let delta = mesh.gateway("delta", NAMESPACE).start().await;
        let world = mesh.gateway("world", NAMESPACE).state_of_the_world().start().await;
        Self::of(vec![("delta", delta), ("world", world)])
    }

    fn of(proxies: Vec<(&'static str, Proxy)>) -> Self {
        let Ok(proxies) = <[_; 2]>::try_from(proxies) else { unreachable!("there are two") };
        Self { proxies }
    }

    /// Starts a load on each.
    pub(crate) fn load(&self, clients: impl Fn(&Proxy) -> Vec<Client>, request: &Request) -> Loads {
        let start =
            |(name, proxy): &(&'static str, Proxy)| (*name, Traffic::trying(|| clients(proxy), request));
        Loads { loads: self.proxies.iter().map(start).collect() }
    }

    /// Starts a load on a port of each.
    pub(crate) fn load_http(&self, port: u16, request: &Request) -> Loads {
        self.load(|proxy| vec![Client::new(proxy.at(port))], request)
    }

    /// Neither Envoy has met anything that it does not know, or has rejected anything.
    pub(crate) async fn assert_clean(&self) {
        for (_, proxy) in &self.proxies {
            proxy.assert_clean().await;
            for manager in ["cluster_manager.cds", "listener_manager.lds"] {
                assert_eq!(proxy.stat(&format!("{manager}.update_rejected")).await, 0, "{manager}");
            }
        }
    }
}

impl Loads {
    /// Makes a change while both loads go on.
    pub(crate) async fn cross(&self, change: impl Future<Output = ()>) -> Change {
        let [(_, first), (_, second)] = &self.loads[..] else { unreachable!("there are two") };
        // The second load is waited for within the time of the first: before and after.
        let mut change = Some(change);
        let mut inner = None;
        first
            .crosses(async {
                let change = change.take().expect("it is made once");
                inner = Some(second.crosses(change).await);
            })
            .await;
        inner.expect("it was made")
    }

    /// Makes a change and takes it back, again and again: what goes wrong for a moment only is seldom met by a request.
    pub(crate) async fn cross_often(
        &self,
        there: impl AsyncFn(),
        back: impl AsyncFn(),
        (first, second): (&'static str, &'static str),
    ) -> (Vec<Change>, Vec<&'static str>) {
        let (mut changes, mut versions) = (Vec::new(), vec![first]);
        for _ in 0..ROUNDS {
            changes.push(self.cross(there()).await);
            changes.push(self.cross(back()).await);
            versions.extend([second, first]);
        }
        (changes, versions)
    }

    /// Ends both.
    pub(crate) async fn end(self) -> BothEnded {
        let mut ended = Vec::new();
        for (name, load) in self.loads {
            ended.push((name, load.end().await));
        }
        let both = BothEnded { ended };
        both.ended.iter().for_each(|(name, ended)| ended.none_failed(name));
        both
    }
}

impl BothEnded {
    /// Both crossed the changes, and these versions answered before, between and after them.
    pub(crate) fn saw(&self, changes: &[Change], versions: &[&str]) {
        for (name, ended) in &self.ended {
            ended.saw(name, changes, versions);
        }
    }

    /// As [`BothEnded::saw`], of requests on connections of their own.
    pub(crate) fn saw_fresh(&self, changes: &[Change], versions: &[&str]) {
        for (name, ended) in &self.ended {
            ended.saw_fresh(name, changes, versions);
        }
    }
}
