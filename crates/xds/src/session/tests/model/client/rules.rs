//! What must hold of every response, and of what the client holds in the end.

use fairlead_resource::{Digest, TypeUrl};

use super::{Client, Received};
use crate::{
    Action, Protocol, Response,
    session::tests::{
        model::{C, Contents, E, L},
        player::read,
    },
};

impl Client {
    /// Takes the session's actions in; responses wait.
    pub(in super::super) fn receive(&mut self, actions: Vec<Action>) -> Result<(), String> {
        // The parts of one answer, and the groups of a search, are sent together.
        let before = self.queue.len();
        for action in actions {
            match action {
                Action::Send(response) => {
                    let received = self.read(&response);
                    self.check(&response, &received, before)?;
                    self.types.entry(received.type_url).or_default().awaits = false;
                    if received.type_url == C && !received.contents.is_empty() {
                        // Clusters wait for their endpoints, if only to learn that there are none.
                        self.types.entry(E).or_default().awaits = true;
                    }
                    self.queue.push_back(received);
                }
                Action::Reject(report) => {
                    let rejected =
                        report.resources.iter().map(|r| (report.type_url, r.name.to_string(), r.digest));
                    self.reported.extend(rejected);
                }
                Action::Close(reason) => return Err(format!("the stream ends: {reason}")),
                Action::Acked { .. } | Action::Healed { .. } | Action::Note(_) => {}
            }
        }
        Ok(())
    }

    fn read(&self, response: &Response) -> Received {
        let received = read(response, self.protocol);
        let (removed, contents): (Vec<_>, Vec<_>) =
            received.words.into_iter().partition(|word| word.starts_with('-'));
        let named = |content: String| (content.split('=').next().unwrap().to_owned(), content);
        Received {
            type_url: response.type_url(),
            nonce: received.nonce,
            version: received.version,
            contents: contents.into_iter().map(named).collect(),
            removed: removed.into_iter().map(|word| word[1..].to_owned()).collect(),
            superseded: false,
        }
    }

    /// What must hold of every response when it is sent.
    fn check(&mut self, response: &Response, received: &Received, before: usize) -> Result<(), String> {
        let type_url = received.type_url;
        if response.nonce().0 <= self.nonce {
            return Err(format!("nonce {} does not grow", received.nonce));
        }
        self.nonce = response.nonce().0;
        let mut open = self.queue.iter().take(before);
        if type_url != C && open.any(|r| r.type_url == type_url && !r.superseded) {
            return Err(format!("{type_url} is sent while a response is not acknowledged"));
        }
        let state =
            self.types.get(&type_url).filter(|s| s.asked).ok_or(format!("{type_url} was not asked for"))?;
        for (name, content) in &received.contents {
            let digest = Digest::of(content.as_bytes());
            if self.reported.contains(&(type_url, name.clone(), digest)) {
                return Err(format!("{type_url} {content} is sent again after its rejection"));
            }
        }
        let empty = received.contents.is_empty() && received.removed.is_empty();
        // For the sake of its ACK an empty endpoint response follows clusters, and one of any type a reconnect.
        let probe = self.protocol == Protocol::Delta && (type_url == E || self.resumed);
        // What it had, or may have, is to go.
        let coming = self.queue.iter().any(|r| r.type_url == type_url && !r.contents.is_empty());
        let all_gone = self.whole(type_url) && (!state.held.is_empty() || coming);
        // What it has rejected it may have, and looking for what is at fault comes before telling that a name does not
        // exist.
        let late = self.protocol == Protocol::StateOfTheWorld && state.rejected;
        if empty && !state.awaits && !probe && !all_gone && !late {
            return Err(format!("{type_url} is empty and nobody asked"));
        }
        Ok(())
    }

    pub(super) fn whole(&self, type_url: TypeUrl) -> bool {
        self.protocol == Protocol::StateOfTheWorld && matches!(type_url, C | L)
    }

    /// Takes over what a response says, and checks what it refers to.
    pub(super) fn apply(&mut self, response: &Received) -> Result<(), String> {
        let whole = self.whole(response.type_url);
        let state = self.types.entry(response.type_url).or_default();
        let before = state.held.clone();
        if whole {
            state.held.clear();
        }
        for name in &response.removed {
            state.held.remove(name);
        }
        state.held.extend(response.contents.clone());
        state.forget_unwanted();
        let (Some(clusters), Some(listeners)) = (self.types.get(&C), self.types.get(&L)) else {
            return Ok(());
        };
        if !clusters.everything || !listeners.asked {
            return Ok(());
        }
        // What was rejected is missing where it is referred to.
        let held = |cluster: &str| clusters.held.contains_key(cluster) || self.refused.contains(cluster);
        // A state-of-the-world client that comes back does not say what it holds.
        let unknown = self.protocol == Protocol::StateOfTheWorld && self.resumed;
        let reference = |content: &String| content.split_once(':').map(|(l, c)| (l.to_owned(), c.to_owned()));
        let missing = match response.type_url {
            // Listeners that were sent before clusters were asked for may name any.
            L if !clusters.taken.0.is_empty() => response
                .contents
                .iter()
                .filter(|(name, content)| before.get(*name) != Some(*content))
                .map(|(_, content)| content)
                .filter_map(reference)
                .find(|(_, c)| !held(c)),
            C if !unknown => listeners
                .held
                .iter()
                .filter(|(name, _)| !listeners.kept.contains(*name))
                .filter_map(|(_, content)| reference(content))
                .find(|(_, c)| before.contains_key(c) && !held(c)),
            _ => None,
        };
        match missing {
            Some((listener, cluster)) => {
                Err(format!("listener {listener} is used without cluster {cluster}"))
            }
            None => Ok(()),
        }
    }

    /// The client holds what is published of what it wants.
    pub(in super::super) fn compare(&self, all: Contents) -> Result<(), String> {
        for (type_url, state) in self.types.iter().filter(|(_, s)| s.asked) {
            let published = all.iter().find(|(t, _)| t == type_url).map_or(&[][..], |(_, r)| r);
            for (name, content) in published.iter().filter(|(n, _)| state.wants(n)) {
                let content = format!("{name}={content}");
                let digest = Digest::of(content.as_bytes());
                let at_fault = self.reported.contains(&(*type_url, (*name).to_owned(), digest));
                if !at_fault && state.held.get(*name) != Some(&content) {
                    return Err(format!(
                        "{type_url} {content} is published, {:?} held",
                        state.held.get(*name)
                    ));
                }
            }
            // A partial type of the state of the world does not tell removals, and what is rejected keeps what it
            // uses. A state-of-the-world client that comes back or begins anew does not say what it holds.
            let unknown = state.rejected && (self.resumed || state.took_superseded);
            let partial = self.protocol == Protocol::StateOfTheWorld && (!self.whole(*type_url) || unknown);
            let mut gone = state.held.keys().filter(|n| !state.kept.contains(*n));
            let gone = gone.find(|n| published.iter().all(|(p, _)| p != n));
            if let (Some(name), false) = (gone, partial || self.keeps_older(all)) {
                return Err(format!("{type_url} {name} is held though removed"));
            }
        }
        Ok(())
    }

    /// Whether something that is published was rejected, so that something older is kept in its place.
    fn keeps_older(&self, published: Contents) -> bool {
        let mut all = published.iter().flat_map(|(of, contents)| contents.iter().map(move |one| (of, one)));
        all.any(|(of, (name, content))| {
            let digest = Digest::of(format!("{name}={content}").as_bytes());
            self.reported.contains(&(*of, (*name).to_owned(), digest))
        })
    }
}
