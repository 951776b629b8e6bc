//! The settings of one session, decided by the owner when a client connects.

use fairlead_resource::TypeUrl;

/// The variant of the protocol that a stream speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// `DeltaAggregatedResources`: responses carry what changed.
    Delta,
    /// `StreamAggregatedResources`: clusters and listeners are always sent whole.
    StateOfTheWorld,
}

/// The element types that a client takes as resources of their own. Only delta clients can.
///
/// A resource whose element type is not taken is sent with its elements inline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ElementTypes {
    /// Virtual hosts are sent under VHDS, and a route table as its parent form.
    pub vhds: bool,
    /// Endpoints are sent under LEDS, and a load assignment that has them as elements as its parent form.
    pub leds: bool,
    /// Filter chains are sent under FCDS, and a listener that has them as elements as its parent form.
    pub fcds: bool,
}

impl ElementTypes {
    /// Whether resources of this type are sent alone.
    pub(crate) fn takes(self, element: TypeUrl) -> bool {
        match element {
            TypeUrl::VirtualHost => self.vhds,
            TypeUrl::LbEndpoint => self.leds,
            TypeUrl::FilterChain => self.fcds,
            _ => false,
        }
    }
}

/// For which types a delta client is told that a name it asked for does not exist.
///
/// Envoy waits for the answer with EDS and RDS (a cluster or listener stays warming), so silence is wrong
/// there. An unknown secret that is answered leaves its listener serving without certificate, so silence is
/// right there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnswerMissing([bool; TypeUrl::ALL.len()]);

impl AnswerMissing {
    /// Changes the setting of one type.
    #[must_use]
    pub fn with(mut self, type_url: TypeUrl, answer: bool) -> Self {
        self.0[type_url as usize] = answer;
        self
    }

    /// Whether a missing name of this type is answered.
    pub fn get(self, type_url: TypeUrl) -> bool {
        self.0[type_url as usize]
    }
}

impl Default for AnswerMissing {
    /// Every type but SDS.
    fn default() -> Self {
        Self([true; TypeUrl::ALL.len()]).with(TypeUrl::Secret, false)
    }
}

/// The settings of one session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionOptions {
    /// Which elements are sent as resources of their own. Ignored for state-of-the-world clients.
    pub elements: ElementTypes,
    /// Which missing names are answered.
    pub answer_missing: AnswerMissing,
    /// How many names a client may subscribe to per type; a client that asks for more is disconnected.
    pub max_names: usize,
    /// Resources of a delta response beyond so many bytes go into a further response.
    pub delta_bytes: usize,
}

impl Default for SessionOptions {
    /// No elements, missing names answered but for SDS, 200,000 names (twice the design scale), 4 MiB.
    fn default() -> Self {
        Self {
            elements: ElementTypes::default(),
            answer_missing: AnswerMissing::default(),
            max_names: 200_000,
            delta_bytes: 4 << 20,
        }
    }
}
