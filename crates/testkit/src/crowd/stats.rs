//! The counts of each client, and the sums over all.

use std::{
    ops::Sub,
    sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use fairlead_resource::{TypeUrl, Types};

pub(super) const KINDS: usize = TypeUrl::ENVOY.len();

/// The place of a type among those that a crowd speaks of: Envoy's.
pub(super) fn place(kind: TypeUrl) -> usize {
    Types::envoy().place(kind)
}

/// The counts of one client. Each is a figure of its own, so no order between them is needed.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) bytes: [AtomicU64; KINDS],
    pub(super) responses: [AtomicU64; KINDS],
    pub(super) resources: [AtomicU64; KINDS],
    /// When the last response was complete, in nanoseconds since the crowd began; 0 if none was.
    pub(super) last_response: AtomicU64,
    pub(super) connected: AtomicBool,
    pub(super) complete: AtomicBool,
    pub(super) streams: AtomicU32,
    pub(super) ends: AtomicU32,
    pub(super) late_assignments: AtomicU64,
    pub(super) lost_hosts: AtomicU64,
}

impl Counters {
    pub(super) fn add_to(&self, totals: &mut Totals) {
        for i in 0..KINDS {
            totals.bytes[i] += self.bytes[i].load(Relaxed);
            totals.responses[i] += self.responses[i].load(Relaxed);
            totals.resources[i] += self.resources[i].load(Relaxed);
        }
        let last = Duration::from_nanos(self.last_response.load(Relaxed));
        totals.last_response = totals.last_response.max(last);
        totals.clients += 1;
        totals.connected += u64::from(self.connected.load(Relaxed));
        totals.complete += u64::from(self.is_in_sync());
        totals.streams += u64::from(self.streams.load(Relaxed));
        totals.ends += u64::from(self.ends.load(Relaxed));
        totals.late_assignments += self.late_assignments.load(Relaxed);
        totals.lost_hosts += self.lost_hosts.load(Relaxed);
    }

    pub(super) fn is_in_sync(&self) -> bool {
        self.connected.load(Relaxed) && self.complete.load(Relaxed)
    }
}

/// Sums over clients. The difference of two is what has happened in between.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    bytes: [u64; KINDS],
    responses: [u64; KINDS],
    resources: [u64; KINDS],
    /// When the last response of all was complete, since the crowd began.
    pub last_response: Duration,
    /// The clients that there are.
    pub clients: u64,
    /// Clients with an open stream.
    pub connected: u64,
    /// Clients that have everything that they were referred to.
    pub complete: u64,
    /// Streams opened.
    pub streams: u64,
    /// Streams and attempts to open one that ended unexpectedly.
    pub ends: u64,
    /// Assignments that did not arrive within Envoy's 15 seconds.
    pub late_assignments: u64,
    /// Virtual hosts that arrived before their table.
    pub lost_hosts: u64,
}

impl Totals {
    /// Bytes of the responses of a type: gRPC messages with the five bytes before each, without HTTP/2 framing.
    pub fn bytes_of(&self, kind: TypeUrl) -> u64 {
        self.bytes[place(kind)]
    }

    /// Responses of a type.
    pub fn responses_of(&self, kind: TypeUrl) -> u64 {
        self.responses[place(kind)]
    }

    /// Resources in the responses of a type.
    pub fn resources_of(&self, kind: TypeUrl) -> u64 {
        self.resources[place(kind)]
    }

    /// Bytes of all responses.
    pub fn bytes(&self) -> u64 {
        self.bytes.iter().sum()
    }

    /// All responses.
    pub fn responses(&self) -> u64 {
        self.responses.iter().sum()
    }

    /// The types that came, with their bytes, such as `CDS 1234, EDS 88`.
    pub fn by_type(&self) -> String {
        let came = TypeUrl::ENVOY.into_iter().filter(|kind| self.bytes_of(*kind) > 0);
        let all: Vec<_> = came.map(|kind| format!("{} {}", kind.short(), self.bytes_of(kind))).collect();
        all.join(", ")
    }
}

impl Sub<&Totals> for Totals {
    type Output = Totals;

    /// Counts are subtracted; values of a moment stay those of the later one.
    fn sub(mut self, earlier: &Totals) -> Totals {
        for i in 0..KINDS {
            self.bytes[i] -= earlier.bytes[i];
            self.responses[i] -= earlier.responses[i];
            self.resources[i] -= earlier.resources[i];
        }
        self.streams -= earlier.streams;
        self.ends -= earlier.ends;
        self.late_assignments -= earlier.late_assignments;
        self.lost_hosts -= earlier.lost_hosts;
        self
    }
}
