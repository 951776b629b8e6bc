//! Secrets that do not exist, or that Envoy cannot use, and what needs them.
//!
//! A listener or cluster warms until its secrets have come, and with it, when Envoy starts, everything else. The delta
//! variant can say that there is no such secret. Here the filter chains that need it are sent in another form, which
//! closes their connections, until it comes. For a cluster, which has no such form, a secret is sent that Envoy
//! refuses: that ends the wait for all secrets of the stream, so those that exist go before.
//!
//! Envoy 1.40 keeps a secret that it cannot use, whether it has rejected it or not, and rejects for it whatever comes to
//! it afterwards: listeners, chains and clusters that are not at fault, and the authorities beside a certificate that is.
//! Nothing of these changes when the secret is put right. They are sent again then.

use std::collections::BTreeSet;

use fairlead_envoy::{
    EncodedResource, ResourceName, TypeUrl,
    parts::{Part, Parts},
};

use super::{Session, holdings::Flight};
use crate::Protocol;

/// Where more secrets than this were accepted at once, any cluster or chain that was rejected may have one of them.
const MOST_LOOKED_FOR: usize = 64;
/// What has secrets.
const USERS: [TypeUrl; 3] = [TypeUrl::Cluster, TypeUrl::Listener, TypeUrl::FilterChain];

impl Session {
    /// Sees to secrets that do not exist or cannot be used, once nothing else of the type is under way.
    pub(super) fn see_to_missing(&mut self) {
        let type_url = TypeUrl::Secret;
        let state = self.state(type_url);
        let now = self.protocol == Protocol::StateOfTheWorld
            && self.options.answer_missing.get(type_url)
            && state.flights.is_empty()
            && !state.unsent_changes;
        if !now || state.awaited.is_empty() {
            return;
        }
        let mut awaited = std::mem::take(&mut self.state_mut(type_url).awaited);
        awaited.retain(|name| !self.has_usable_secret(name));
        let listeners = self.publication.form(TypeUrl::Listener, self.options.elements).clone();
        let awaited = self.state_mut(TypeUrl::Listener).trims.close(awaited, &listeners);
        self.push(TypeUrl::Listener, false);
        if awaited.is_empty() {
            return;
        }
        self.send_stand_ins(awaited, false);
    }

    /// Chains that were closed for want of a secret are as they are published once it has come.
    pub(super) fn see_to_those_that_came(&mut self) {
        let closed = self.state(TypeUrl::Listener).trims.closed().iter();
        let came: Vec<_> = closed.filter(|name| self.has_usable_secret(name)).cloned().collect();
        self.state_mut(TypeUrl::Listener).trims.open(&came);
    }

    /// Notes secrets that the client has accepted in the place of another content, if it has rejected something that
    /// may be for want of them.
    pub(super) fn note_secrets(&mut self, type_url: TypeUrl, accepted: &Flight) {
        if type_url != TypeUrl::Secret {
            return;
        }
        let rejects = |type_url| {
            let state = self.state(type_url);
            !state.rejected.is_empty() || state.trims.rejected() > 0
        };
        if rejects(type_url) || USERS.into_iter().any(rejects) {
            let state = self.state(type_url);
            let has_changed = |name: &&ResourceName| {
                state.rejected.contains_key(*name) || state.before(name, accepted).exists()
            };
            let names = accepted.carried.iter().map(|(name, _)| name);
            let changed: Vec<_> = names.filter(has_changed).cloned().collect();
            self.accepted_secrets.extend(changed);
        }
    }

    /// Sends again what was rejected and may be accepted with the secrets that the client has accepted, once no other
    /// is under way: what uses one of them, and secrets that are used together with one.
    pub(super) fn see_to_users_of_secrets(&mut self) {
        if self.accepted_secrets.is_empty() || !self.state(TypeUrl::Secret).is_still() {
            return;
        }
        let accepted = std::mem::take(&mut self.accepted_secrets);
        let has_one = |part: &Part| part.secrets().iter().any(|secret| accepted.contains(&**secret));
        for type_url in USERS {
            let published = self.publication.form(type_url, self.options.elements).clone();
            let uses_one = |user: &EncodedResource| uses(type_url, user, &accepted, None);
            let state = self.state_mut(type_url);
            state.rejected.retain(|name, _| !published.get(name).is_some_and(uses_one));
            state.trims.try_again(type_url, &published, has_one);
        }
        let secrets = self.publication.set(TypeUrl::Secret);
        let rejected = secrets.values().filter(|secret| self.is_rejected(TypeUrl::Secret, secret));
        let beside_one = rejected.filter(|secret| {
            USERS.into_iter().any(|type_url| {
                let published = self.publication.form(type_url, self.options.elements);
                published.values().any(|user| uses(type_url, user, &accepted, Some(&secret.name)))
            })
        });
        let beside_one = beside_one.map(|secret| (secret.name.clone(), secret.digest)).collect();
        self.send_rejected(TypeUrl::Secret, &beside_one);
    }

    fn has_usable_secret(&self, name: &ResourceName) -> bool {
        let secret = self.publication.set(TypeUrl::Secret).get(name);
        secret.is_some_and(|secret| !self.is_rejected(TypeUrl::Secret, secret))
    }
}

/// Whether a cluster, chain, or chain of a listener uses one of these secrets, beside another if one is given.
fn uses(
    type_url: TypeUrl,
    user: &EncodedResource,
    secrets: &BTreeSet<ResourceName>,
    beside: Option<&ResourceName>,
) -> bool {
    let content = user.to_vec();
    if beside.is_some_and(|name| !contains(&content, name)) {
        return false;
    }
    match Parts::of(type_url, user) {
        Some(parts) => parts.all().iter().map(Part::secrets).any(|used| {
            used.iter().any(|name| secrets.contains(&**name))
                && beside.is_none_or(|name| used.contains(&**name))
        }),
        None => secrets.len() > MOST_LOOKED_FOR || secrets.iter().any(|name| contains(&content, name)),
    }
}

fn contains(content: &[u8], name: &ResourceName) -> bool {
    !name.is_empty() && content.windows(name.len()).any(|text| text == name.as_bytes())
}
