//! Publications as scripts put them.

use std::collections::BTreeMap;

use fairlead_resource::{
    Digest, Elements, EncodedResource, ResourceSet, TypeUrl, Types,
    collection::{Collection, Epoch},
};

use super::short;

/// Reads `CDS a=1 b=2 RDS 80{x=1,y=1} EDS c{0/x=1}`. The content of a resource is the word, so that it can be told in
/// both variants. In braces are elements that may come as resources of their own; an endpoint says the number of its
/// collection.
pub(crate) fn sets(text: &str) -> BTreeMap<TypeUrl, ResourceSet> {
    let mut sets: BTreeMap<TypeUrl, ResourceSet> = BTreeMap::new();
    let mut type_url = TypeUrl::CLUSTER;
    for word in text.split_whitespace() {
        if let Some(named) = short(word) {
            type_url = named;
            continue;
        }
        let resource = if let Some((name, elements)) = word.split_once('{') {
            with_elements(type_url, name, elements.trim_end_matches('}'))
        } else {
            let name = word.split_once('=').expect("a resource is name=content").0;
            EncodedResource::whole(name, word.to_owned())
        };
        sets.entry(type_url).or_default().insert(resource.name.clone(), resource);
    }
    sets
}

/// A resource whose elements may come as resources of their own. The parent of filter chains names them (`l=names:x,y`),
/// that of endpoints says its epoch and which collections there are (`c=a:0,1`), that of virtual hosts nothing
/// (`80=parent`).
fn with_elements(type_url: TypeUrl, name: &str, elements: &str) -> EncodedResource {
    let mut children = ResourceSet::new();
    let mut names = Vec::new();
    for element in elements.split(',').filter(|element| !element.is_empty()) {
        let element_name = element.split_once('=').expect("an element is name=content").0;
        let (child, listed) = match (type_url, element_name.split_once('/')) {
            (TypeUrl::CLUSTER_LOAD_ASSIGNMENT, Some((number, host))) => {
                let collection = Collection::new(Epoch::First, name, number.parse().unwrap());
                (format!("{}/{host}", collection.prefix()), number)
            }
            _ => (format!("{name}/{element_name}"), element_name),
        };
        names.push(listed);
        children.insert(child.as_str().into(), EncodedResource::whole(child, format!("{name}/{element}")));
    }
    names.dedup();
    let parent = |content: String| EncodedResource::whole(name, format!("{name}={content}"));
    let names = names.join(",");
    let forms = match type_url {
        TypeUrl::CLUSTER_LOAD_ASSIGNMENT => {
            Elements::of_collections(["a", "b"].map(|epoch| parent(format!("{epoch}:{names}"))), children)
        }
        _ => Elements {
            element_type: Types::envoy().element(type_url).expect("a type with elements"),
            parent: match type_url {
                TypeUrl::LISTENER => parent(format!("names:{names}")),
                _ => parent("parent".to_owned()),
            },
            children,
            in_second_epoch: None,
        },
    };
    EncodedResource::whole(name, format!("{name}=[{elements}]")).with_elements(forms)
}

/// The version of a content: that of an assignment with collections tells their epoch.
pub(crate) fn version(content: &str) -> Digest {
    let digest = Digest::of(content.as_bytes());
    match content.split_once(':').map(|(before, _)| before.rsplit('=').next()) {
        Some(Some("a")) => Digest(digest.0 & !1),
        Some(Some("b")) => Digest(digest.0 | 1),
        _ => digest,
    }
}
