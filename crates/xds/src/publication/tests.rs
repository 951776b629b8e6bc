use fairlead_resource::{Elements, EncodedResource};
use proptest::prelude::*;

use super::*;

/// As a client that takes virtual hosts alone is sent it.
fn hosts(publication: &Publication) -> &ResourceSet {
    publication.in_form(TypeUrl::VIRTUAL_HOST, Form::ElementsOf(TypeUrl::ROUTE_CONFIGURATION))
}

fn tables_of(publication: &Publication) -> &ResourceSet {
    publication.in_form(TypeUrl::ROUTE_CONFIGURATION, Form::Parents)
}

fn table(name: u8, version: u8, hosts: &[u8]) -> EncodedResource {
    let children = hosts
        .iter()
        .map(|h| EncodedResource::whole(format!("{name}/{h}"), vec![*h, version]))
        .map(|r| (r.name.clone(), r))
        .collect();
    let parent = EncodedResource::whole(name.to_string(), vec![0]);
    let table = EncodedResource::whole(name.to_string(), [&[version], hosts].concat());
    let elements = Elements { element_type: TypeUrl::VIRTUAL_HOST, parent, children, in_second_epoch: None };
    table.with_elements((version != 2).then_some(elements))
}

fn publication(tables: &[(u8, u8, Vec<u8>)]) -> Publication {
    let set = tables.iter().map(|(n, v, h)| table(*n, *v, h)).map(|t| (t.name.clone(), t)).collect();
    Publication::new(1).with(TypeUrl::ROUTE_CONFIGURATION, set)
}

#[test]
fn hosts_are_the_children_of_all_tables() {
    let published = publication(&[(80, 1, vec![1, 2]), (81, 1, vec![1]), (82, 2, vec![7])]);
    let hosts: Vec<_> = self::hosts(&published).keys().map(ToString::to_string).collect();
    assert_eq!(hosts, ["80/1", "80/2", "81/1"]);
    assert_eq!(tables_of(&published)["80"].to_vec(), [0]);
    assert_eq!(tables_of(&published)["82"].to_vec(), [2, 7]);
}

#[test]
fn without_elements_the_published_set_itself_is_served() {
    let published = publication(&[(80, 1, vec![1, 2])]);
    let form = published.in_form(TypeUrl::ROUTE_CONFIGURATION, Form::Whole);
    assert!(form.ptr_eq(published.set(TypeUrl::ROUTE_CONFIGURATION)));
    assert!(published.in_form(TypeUrl::VIRTUAL_HOST, Form::Whole).is_empty());
}

fn tables() -> impl Strategy<Value = Vec<(u8, u8, Vec<u8>)>> {
    prop::collection::vec((0..4_u8, 0..3_u8, prop::collection::vec(0..5_u8, 0..4)), 0..5)
}

proptest! {
    #[test]
    fn patching_gives_what_deriving_gives(first in tables(), second in tables()) {
        let before = publication(&first);
        hosts(&before);
        let patched = publication(&second).following(&before);
        let derived = publication(&second);
        prop_assert_eq!(tables_of(&patched), tables_of(&derived));
        prop_assert_eq!(hosts(&patched), hosts(&derived));
    }
}
