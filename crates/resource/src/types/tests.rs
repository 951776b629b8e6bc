use super::*;
use crate::type_url::TypeName;

const WIDGET: TypeUrl =
    TypeUrl::new(&TypeName { order: 45, url: "type.example.com/example.v1.Widget", short: "WDS" });

fn alone(types: &[TypeUrl]) -> Types {
    Types::new(types.iter().map(|type_url| TypeDescriptor::new(*type_url)))
}

#[test]
fn types_are_in_order_whatever_order_they_come_in() {
    let types = alone(&[TypeUrl::SECRET, WIDGET, TypeUrl::LISTENER, TypeUrl::CLUSTER]);
    assert!(types.iter().eq([TypeUrl::CLUSTER, TypeUrl::LISTENER, WIDGET, TypeUrl::SECRET]));
    assert_eq!(
        (types.place(WIDGET), types.contains(TypeUrl::SECRET), types.contains(TypeUrl::VIRTUAL_HOST)),
        (2, true, false)
    );
    assert_eq!(types.parse("type.example.com/example.v1.Widget"), Some(WIDGET));
    assert_eq!(types.parse(TypeUrl::VIRTUAL_HOST.as_str()), None);
    assert!(types.in_order_of_removal().is_empty());
}

/// What resources refer to is sent before them and removed after them.
#[test]
fn additions_go_down_the_references_and_removals_go_up() {
    let types = Types::envoy();
    assert!(types.iter().eq(TypeUrl::ENVOY));
    for used in types.iter().map(|type_url| types.of(type_url)) {
        for user in used.users {
            let removal = types.of(*user).removal;
            assert!(removal.is_none() || removal < used.removal, "{user} goes before what it uses");
        }
        assert!(used.parent.is_none_or(|parent| parent < used.type_url), "elements come after their parent");
        assert!(used.warmed_by.is_none_or(|by| by > used.type_url), "what completes comes after what warms");
    }
    let removal = types.in_order_of_removal().iter().map(|type_url| type_url.short());
    assert!(removal.eq(["LDS", "FCDS", "RDS", "CDS", "EDS", "SDS"]));
}

#[test]
fn elements_are_of_one_parent() {
    let types = Types::envoy();
    let with_elements =
        types.iter().filter_map(|parent| Some((parent.short(), types.element(parent)?.short())));
    assert!(with_elements.eq([("EDS", "LEDS"), ("LDS", "FCDS"), ("RDS", "VHDS")]));
}

#[test]
#[should_panic(expected = "order or the URL")]
fn two_types_of_one_order_are_refused() {
    const OTHER: TypeUrl =
        TypeUrl::new(&TypeName { order: 10, url: "type.example.com/example.v1.Other", short: "ODS" });
    alone(&[TypeUrl::CLUSTER, OTHER]);
}

#[test]
#[should_panic(expected = "which is not served")]
fn a_type_that_is_related_to_one_that_is_not_served_is_refused() {
    Types::new([Types::envoy().of(TypeUrl::VIRTUAL_HOST).clone()]);
}
