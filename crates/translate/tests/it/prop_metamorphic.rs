//! What must not matter: the order of objects, how they are batched and filed, and what namespaces are called.

use fairlead_config::{Change, ChangeBatch, decode_file};
use fairlead_model::proxy::ProxyKey;
use fairlead_translate::publication::Sets;
use proptest::prelude::*;
use serde_json::Value;

use crate::{
    json_walk::all,
    mesh::Mesh,
    prop_oracle::assert_same,
    proxy_file::TYPES,
    universe::{objects, proxies},
};

/// A form for each object, or none.
fn mesh_of_the_universe() -> impl Strategy<Value = Vec<String>> {
    let forms: Vec<_> = objects()
        .into_iter()
        .map(|object| {
            let forms = object.forms;
            proptest::option::weighted(0.8, 0..forms.len())
                .prop_map(move |form| form.map(|form| forms[form].clone()))
        })
        .collect();
    forms.prop_map(|forms| forms.into_iter().flatten().collect())
}

/// The mesh of these files, each a batch of its own.
fn mesh_of_files(files: &[String]) -> Mesh {
    let mut mesh = Mesh::empty();
    for (number, file) in files.iter().enumerate() {
        let decoded = decode_file(&format!("{number}.yaml"), file.as_bytes());
        let batch: ChangeBatch = decoded.objects.into_iter().map(Change::Set).collect();
        mesh.change(batch);
    }
    mesh
}

fn publications(mut mesh: Mesh) -> Vec<std::sync::Arc<Sets>> {
    proxies().iter().map(|proxy| mesh.publication(proxy)).collect()
}

/// All resources as text, with the objects' namespaces called otherwise.
fn renamed(sets: &Sets, rename: impl Fn(&str) -> String) -> Vec<String> {
    let text = |value: Value| rename(&value.to_string());
    TYPES.iter().flat_map(|(_, type_url)| all(&sets.get(*type_url), *type_url)).map(text).collect()
}

/// A name that sorts as the old one does.
fn longer(text: &str) -> String {
    text.replace("alphans", "alphansq").replace("zetans", "zetansq")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 8, ..ProptestConfig::default() })]

    #[test]
    fn order_batches_and_files_do_not_matter(
        documents in mesh_of_the_universe(),
        order in any::<prop::sample::Index>(),
        size in 1usize..6,
    ) {
        let together = mesh_of_files(&[documents.join("---\n")]);
        let mut shuffled = documents.clone();
        if !shuffled.is_empty() {
            shuffled.rotate_left(order.index(documents.len()));
            shuffled.reverse();
        }
        let files: Vec<String> = shuffled.chunks(size).map(|chunk| chunk.join("---\n")).collect();
        let apart = mesh_of_files(&files);
        for (number, (one, other)) in publications(together).iter().zip(publications(apart)).enumerate() {
            assert_same(one, &other, &format!("proxy {number}"));
        }
    }

    #[test]
    fn the_names_of_namespaces_do_not_matter(documents in mesh_of_the_universe()) {
        let yaml = documents.join("---\n");
        let mut before = mesh_of_files(std::slice::from_ref(&yaml));
        let mut after = mesh_of_files(&[longer(&yaml)]);
        for proxy in proxies() {
            let renamed_proxy = ProxyKey {
                namespace: longer(proxy.namespace.as_str()).as_str().into(),
                dns_domain: longer(&proxy.dns_domain).into(),
                ..proxy.clone()
            };
            let before = renamed(&before.publication(&proxy), longer);
            let after = renamed(&after.publication(&renamed_proxy), ToOwned::to_owned);
            prop_assert_eq!(before, after);
        }
    }

    /// One in which nothing is shares its view with all such, one with an unrelated Secret has a view of its own.
    #[test]
    fn whether_a_namespace_has_a_view_of_its_own_does_not_matter(documents in mesh_of_the_universe()) {
        let far = |proxy: ProxyKey| ProxyKey {
            namespace: "far".into(),
            dns_domain: "far.svc.cluster.local".into(),
            ..proxy
        };
        let own = "{apiVersion: v1, kind: Secret, metadata: {name: unrelated, namespace: far}}\n".to_owned();
        let mut shared = mesh_of_files(std::slice::from_ref(&documents.join("---\n")));
        let mut apart = mesh_of_files(&[documents.join("---\n"), own]);
        for (number, proxy) in proxies().into_iter().map(far).enumerate() {
            let (shared, apart) = (shared.publication(&proxy), apart.publication(&proxy));
            assert_same(&shared, &apart, &format!("proxy {number}"));
        }
    }
}
