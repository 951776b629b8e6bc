//! Scenarios: configuration in, Envoy resources out.

mod accepted;
mod certificates;
mod client_rules;
mod closure;
mod connections;
mod effects;
mod envoy_validate;
mod everyday;
mod expressions;
mod format_strings;
mod golden_scenarios;
mod json_walk;
mod l4_routes;
mod locality;
mod mesh;
mod origins;
mod prop_metamorphic;
mod prop_oracle;
mod prop_services;
mod proxy_file;
mod redirects;
mod requests;
mod short_names;
mod sound;
mod universe;
mod views;
