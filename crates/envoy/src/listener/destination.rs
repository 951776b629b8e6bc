//! The original destination of a connection, for routes to match on.

use std::net::IpAddr;

use envoy_types::pb::{
    envoy::{
        config::{
            core::v3::{SubstitutionFormatString, substitution_format_string::Format},
            listener::v3::Filter,
        },
        extensions::filters::{
            common::set_filter_state::v3::{
                FilterStateValue,
                filter_state_value::{Key, Value},
            },
            network::set_filter_state::v3::Config,
        },
        r#type::matcher::v3::{AddressMatcher, FilterStateMatcher, filter_state_matcher::Matcher},
    },
    xds::core::v3::CidrRange,
};

use crate::{data_source::inline_string, extension, listener::network_filter, wkt::IntoProto};

/// Key of the filter state.
const KEY: &str = "destination";

/// Saves the destination of a connection before redirection; goes before the connection manager.
pub fn remember_destination() -> Filter {
    let text = inline_string("%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%");
    let format = SubstitutionFormatString {
        format: Some(Format::TextFormatSource(text)),
        ..SubstitutionFormatString::default()
    };
    let value = FilterStateValue {
        key: Some(Key::ObjectKey(KEY.to_owned())),
        factory_key: extension::IP_STATE.to_owned(),
        value: Some(Value::FormatString(format)),
        ..FilterStateValue::default()
    };
    network_filter(
        extension::SET_FILTER_STATE,
        &Config { on_new_connection: vec![value], ..Config::default() },
    )
}

/// Matches connections meant for none of these addresses, but none whose destination was not saved.
pub fn destination_not_in(addresses: impl IntoIterator<Item = IpAddr>) -> FilterStateMatcher {
    let range = |ip: IpAddr| CidrRange {
        address_prefix: ip.to_string(),
        prefix_len: Some(if ip.is_ipv4() { 32_u32 } else { 128 }.into_proto()),
    };
    let ranges = addresses.into_iter().map(range).collect();
    FilterStateMatcher {
        key: KEY.to_owned(),
        matcher: Some(Matcher::AddressMatch(AddressMatcher { ranges, invert_match: true })),
    }
}
