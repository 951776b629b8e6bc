//! Secrets that have changed, and the resources rejected because of them.
//!
//! Envoy 1.40 keeps a secret that it cannot use, whether it has rejected it or not, and then rejects whatever uses it:
//! listeners, chains and clusters that are not at fault, and the authorities beside a certificate that is
//! (<https://github.com/envoyproxy/envoy/issues/42438>). None of these changes when the secret is corrected, so they
//! are sent again then.

use std::collections::BTreeSet;

use crate::{parts::Part, parts::Parts};
use fairlead_resource::{EncodedResource, ResourceName, TypeUrl};

use super::{action::Action, holdings::Flight, stream::Session};
use crate::nack::Rejected;

/// Maximum number of secrets accepted at once whose users are looked for; of more, every rejected cluster or chain
/// counts as a user.
const MOST_LOOKED_FOR: usize = 64;
impl Session {
    /// Notes secrets whose new content the client has accepted, if it has rejected something that may need them.
    pub(super) fn note_secrets(&mut self, type_url: TypeUrl, accepted: &Flight) {
        if type_url != TypeUrl::SECRET {
            return;
        }
        let rejects = |type_url| {
            let state = self.state(type_url);
            !state.rejected.is_empty() || state.trims.rejected() > 0
        };
        if rejects(type_url) || self.users_of_secrets().any(rejects) {
            let state = self.state(type_url);
            let has_changed = |name: &&ResourceName| {
                state.rejected.contains_key(*name) || state.before(name, accepted).exists()
            };
            let names = accepted.carried.iter().map(|(name, _)| name);
            let changed: Vec<_> = names.filter(has_changed).cloned().collect();
            self.accepted_secrets.extend(changed);
        }
    }

    /// Sends again what was rejected and may be accepted with the accepted secrets, once no other secret is under way:
    /// the users of one of them, and secrets used together with one.
    pub(super) fn see_to_users_of_secrets(&mut self) {
        if self.accepted_secrets.is_empty() || !self.state(TypeUrl::SECRET).is_still() {
            return;
        }
        let accepted = std::mem::take(&mut self.accepted_secrets);
        let has_one = |part: &Part| part.secrets().iter().any(|secret| accepted.contains(&**secret));
        for type_url in self.users_of_secrets() {
            let published = self.ledger.published(type_url).clone();
            let state = self.state_mut(type_url);
            let users = published.values().filter(|user| {
                state.rejected.contains_key(&user.name) && uses(type_url, user, &accepted, None)
            });
            let users: Vec<_> = users.map(rejected).collect();
            for user in &users {
                state.rejected.remove(&user.name);
            }
            let parts = state.trims.try_again(type_url, &published, has_one);
            self.withdraw(type_url, users);
            self.withdraw(self.types().element(type_url).unwrap_or(type_url), parts);
        }
        let secrets = self.ledger.published(TypeUrl::SECRET);
        let wrong = secrets.values().filter(|secret| self.is_rejected(TypeUrl::SECRET, secret));
        let beside_one = wrong.filter(|secret| {
            self.users_of_secrets().any(|type_url| {
                let published = self.ledger.published(type_url);
                published.values().any(|user| uses(type_url, user, &accepted, Some(&secret.name)))
            })
        });
        let beside_one: Vec<_> = beside_one.map(rejected).collect();
        let contents = beside_one.iter().map(|secret| (secret.name.clone(), secret.digest)).collect();
        self.send_rejected(TypeUrl::SECRET, &contents);
        self.withdraw(TypeUrl::SECRET, beside_one);
    }

    /// The types whose resources use secrets.
    fn users_of_secrets(&self) -> impl Iterator<Item = TypeUrl> + use<> {
        self.of(TypeUrl::SECRET).users.iter().copied()
    }

    /// Withdraws the verdict on resources that are sent again, until the client answers.
    fn withdraw(&mut self, type_url: TypeUrl, resources: Vec<Rejected>) {
        if !resources.is_empty() {
            self.ledger.out.push(Action::Healed { type_url, resources });
        }
    }
}

fn rejected(resource: &EncodedResource) -> Rejected {
    Rejected { name: resource.name.clone(), digest: resource.digest }
}

/// Whether a cluster, chain, or chain of a listener uses one of these secrets, together with another if one is given.
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
