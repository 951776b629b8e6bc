//! Retries what a client has rejected because its machine lacked something.
//!
//! A certificate file may appear a minute later, or a port become free, without a publication that would cause the
//! content to be sent again. So the owner of the session calls [`Session::try_again`] from time to time; contents that
//! are at fault themselves are not retried.

use std::collections::BTreeSet;

use envoy_types::pb::envoy::{
    config::core::v3::{DataSource, data_source::Specifier},
    extensions::transport_sockets::tls::v3::{CertificateValidationContext, Secret, secret},
};
use fairlead_resource::{Digest, EncodedResource, ResourceName, TypeUrl};
use prost::Message;

use super::{
    action::Action,
    holdings::{Flight, Prior, Purpose},
    stream::Session,
};
use crate::{
    Protocol,
    nack::Rejected,
    wire::{SentVersions, delta_responses, whole_state},
};

impl Session {
    /// Sends again what the client has rejected because its machine lacked something. To be called at growing
    /// intervals: each call may cost a rejection for each content.
    pub fn try_again(&mut self) -> Vec<Action> {
        for type_url in self.types().iter() {
            self.try_type_again(type_url);
        }
        self.pump()
    }

    /// The number of contents rejected because the client's machine lacks something.
    pub fn may_heal(&self) -> usize {
        self.ledger.states.iter().map(|state| state.may_heal.len()).sum()
    }

    fn try_type_again(&mut self, type_url: TypeUrl) {
        let state = self.state(type_url);
        if state.may_heal.is_empty() || !state.is_still() {
            return;
        }
        let current = self.current(type_url);
        let state = self.state_mut(type_url);
        let published = |name: &ResourceName, digest: Digest| {
            current.get(name).is_some_and(|resource| resource.digest == digest)
        };
        let mut may_heal = std::mem::take(&mut state.may_heal);
        may_heal.retain(|(name, digest)| {
            state.names.wants(name) && published(name, *digest) && state.has_rejected(name, *digest)
        });
        self.send_rejected(type_url, &may_heal);
        self.state_mut(type_url).may_heal = may_heal;
    }

    /// Sends contents again that the client has rejected.
    pub(super) fn send_rejected(&mut self, type_url: TypeUrl, contents: &BTreeSet<(ResourceName, Digest)>) {
        let state = self.state_mut(type_url);
        for (name, digest) in contents {
            state.forget_rejected(name, *digest);
        }
        if self.ledger.is_sent_alone(type_url) && !contents.is_empty() {
            // Envoy would accept the same content twice in a row without checking it.
            self.send_stand_ins(contents.iter().map(|(name, _)| name.clone()).collect(), true);
        }
    }

    /// Sends secrets that Envoy refuses, `alone` or in one response.
    pub(super) fn send_stand_ins(&mut self, names: BTreeSet<ResourceName>, alone: bool) {
        let type_url = TypeUrl::SECRET;
        let stand_ins: Vec<_> = names.into_iter().map(unusable).collect();
        let mut responses = match self.ledger.protocol {
            Protocol::Delta => delta_responses(type_url, &stand_ins, &[], 0),
            Protocol::StateOfTheWorld if alone => {
                stand_ins.iter().map(|stand_in| whole_state(type_url, [stand_in])).collect()
            }
            Protocol::StateOfTheWorld => vec![whole_state(type_url, &stand_ins)],
        };
        // What the client holds does not change.
        for response in &mut responses {
            response.carried = SentVersions::default();
        }
        self.send(type_url, &responses, false, Purpose::StandIn, |_| {
            Prior::Each(std::collections::BTreeMap::new())
        });
    }

    /// The client has accepted contents that it had rejected.
    pub(super) fn healed(&mut self, type_url: TypeUrl, accepted: &Flight) {
        let may_heal = &mut self.state_mut(type_url).may_heal;
        if may_heal.is_empty() {
            return;
        }
        let healed = accepted.carried.iter().filter(|content| may_heal.remove(content));
        let resources: Vec<_> =
            healed.map(|(name, digest)| Rejected { name: name.clone(), digest: *digest }).collect();
        if !resources.is_empty() {
            self.ledger.out.push(Action::Healed { type_url, resources });
        }
    }
}

/// A secret that Envoy refuses, whether it expects a certificate or authorities.
///
/// A secret without content would be refused as a certificate, but as authorities it would make Envoy accept every
/// certificate.
fn unusable(name: ResourceName) -> EncodedResource {
    let specifier = Some(Specifier::InlineString("there is no such secret".to_owned()));
    let authorities = CertificateValidationContext {
        trusted_ca: Some(DataSource { specifier, ..Default::default() }),
        ..Default::default()
    };
    let secret =
        Secret { name: name.to_string(), r#type: Some(secret::Type::ValidationContext(authorities)) };
    EncodedResource::whole(name, secret.encode_to_vec())
}
