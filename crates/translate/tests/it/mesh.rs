//! A mesh in memory: YAML in, the resources of a proxy out.

use std::{collections::BTreeMap, sync::Arc};

use fairlead_config::{Change, ChangeBatch, ConfigKey, Diagnostic, LabelSet, decode_file};
use fairlead_envoy::json;
use fairlead_incremental::{Db, Settled};
use fairlead_model::{
    Namespace,
    diagnostics::AllDiagnostics,
    endpoints::Locality,
    input,
    proxy::{Interception, ProxyKey, ProxyKind},
};
use fairlead_resource::{EncodedResource, TypeUrl};
use fairlead_translate::publication::{PublicationKey, PublicationOf, Sets};
use serde_json::Value;

use crate::{
    json_walk::{items, text},
    proxy_file::ProxyFile,
};

pub(crate) struct Mesh {
    pub(crate) db: Db,
}

impl Mesh {
    /// A mesh without an object.
    pub(crate) fn empty() -> Self {
        let mut db = Db::new();
        fairlead_model::indexes::register(&mut db);
        Self { db }
    }

    /// The mesh that `yaml` describes. Errors in it fail the test.
    pub(crate) fn of(yaml: &str) -> Self {
        let mut mesh = Self::empty();
        mesh.apply(yaml);
        mesh
    }

    /// Sets the objects of `yaml`, in one revision.
    pub(crate) fn apply(&mut self, yaml: &str) -> Settled {
        self.change(batch(yaml))
    }

    pub(crate) fn delete(&mut self, key: ConfigKey) -> Settled {
        self.change([Change::Delete(key)].into_iter().collect())
    }

    pub(crate) fn change(&mut self, batch: ChangeBatch) -> Settled {
        let mut changes = self.db.change();
        input::apply(batch, &mut changes);
        self.db.apply(changes);
        self.db.settle()
    }

    /// What `proxy` is sent.
    pub(crate) fn publication(&mut self, proxy: &ProxyKey) -> Arc<Sets> {
        let key = PublicationKey { proxy: proxy.clone(), secrets: true };
        let lease = self.db.lease::<PublicationOf>(&key);
        (*lease.value(&self.db)).clone()
    }

    /// What the proxy of a golden case is sent.
    pub(crate) fn publication_of(&mut self, proxy: &ProxyFile) -> Arc<Sets> {
        let key = PublicationKey { proxy: proxy.key(), secrets: proxy.secrets() };
        let lease = self.db.lease::<PublicationOf>(&key);
        (*lease.value(&self.db)).clone()
    }

    /// What is found about objects among others.
    pub(crate) fn diagnostics(&mut self) -> Vec<Diagnostic> {
        let lease = self.db.lease::<AllDiagnostics>(&());
        lease.value(&self.db).to_vec()
    }

    /// One resource of `proxy`, as JSON.
    pub(crate) fn resource(&mut self, proxy: &ProxyKey, type_url: TypeUrl, name: &str) -> Value {
        let set = self.publication(proxy).get(type_url);
        let resource =
            set.get(name).unwrap_or_else(|| panic!("no {type_url} {name} among {:?}", names(&set)));
        to_json(type_url, resource)
    }

    pub(crate) fn names(&mut self, proxy: &ProxyKey, type_url: TypeUrl) -> Vec<String> {
        names(&self.publication(proxy).get(type_url))
    }
}

pub(crate) fn batch(yaml: &str) -> ChangeBatch {
    let decoded = decode_file("test.yaml", yaml.as_bytes());
    let errors: Vec<_> =
        decoded.diagnostics.iter().filter(|d| d.severity == fairlead_config::Severity::Error).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    decoded.objects.into_iter().map(Change::Set).collect()
}

pub(crate) fn names(set: &fairlead_resource::ResourceSet) -> Vec<String> {
    set.keys().map(ToString::to_string).collect()
}

pub(crate) fn to_json(type_url: TypeUrl, resource: &EncodedResource) -> Value {
    json::dump(type_url.as_str(), &resource.to_vec()).expect("what is encoded can be printed")
}

/// A sidecar with redirected traffic, at `ip` in `namespace`, with `app: <app>`.
pub(crate) fn sidecar(app: &str, namespace: &str, ip: &str) -> ProxyKey {
    proxy(ProxyKind::Sidecar, &[("app", app)], namespace, ip)
}

/// A gateway with `istio: ingressgateway`.
pub(crate) fn gateway(namespace: &str) -> ProxyKey {
    proxy(ProxyKind::Gateway, &[("istio", "ingressgateway")], namespace, "10.9.9.9")
}

pub(crate) fn proxy(kind: ProxyKind, labels: &[(&str, &str)], namespace: &str, ip: &str) -> ProxyKey {
    ProxyKey {
        kind,
        namespace: Namespace::from(namespace),
        labels: labels.iter().copied().collect::<LabelSet>(),
        addresses: Arc::new([ip.parse().expect("an IP address")]),
        cluster: "Kubernetes".into(),
        network: "".into(),
        locality: Locality::default(),
        node: "".into(),
        interception: Interception::Redirect,
        dns_domain: format!("{namespace}.svc.cluster.local").into(),
        takes_large_expressions: true,
        privileged: true,
    }
}

/// The domains of each virtual host of a route table.
pub(crate) fn domains(table: &Value) -> BTreeMap<String, Vec<String>> {
    table["virtual_hosts"]
        .as_array()
        .map_or(&[][..], |v| v)
        .iter()
        .map(|host| {
            let domains = items(&host["domains"]).iter().map(|domain| text(domain).to_owned());
            (text(&host["name"]).to_owned(), domains.collect())
        })
        .collect()
}
