//! Distributions of observed values.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use fairlead_resource::{TypeUrl, Types};

use super::by_type::ByType;

/// Maximum number of bounds of a distribution.
const MOST: usize = 15;

/// A histogram: values counted by the lowest bound that they do not exceed. An observation costs two additions.
#[derive(Debug)]
pub struct Distribution {
    bounds: &'static [u64],
    counts: [AtomicU64; MOST + 1],
    sum: AtomicU64,
}

impl Distribution {
    /// An empty distribution; bounds are in ascending order, at most 15.
    fn new(bounds: &'static [u64]) -> Self {
        assert!(bounds.len() <= MOST && bounds.is_sorted(), "bounds are a short list that grows");
        Self { bounds, counts: Default::default(), sum: AtomicU64::new(0) }
    }

    fn add(&self, value: u64) {
        let at = self.bounds.partition_point(|bound| *bound < value);
        self.counts[at].fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    /// Each bound with the number of values between the bound before and it; the last entry has no bound.
    pub fn counts(&self) -> Vec<(Option<u64>, u64)> {
        let bounds = self.bounds.iter().map(|bound| Some(*bound)).chain([None]);
        bounds.zip(&self.counts).map(|(bound, count)| (bound, count.load(Ordering::Relaxed))).collect()
    }

    /// The sum of all values.
    pub fn sum(&self) -> u64 {
        self.sum.load(Ordering::Relaxed)
    }
}

/// Sizes in bytes.
const SIZES: [u64; 6] = [1, 10_000, 1_000_000, 4_000_000, 10_000_000, 40_000_000];
/// Times in microseconds.
const TIMES: [u64; 15] = [
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    3_000_000, 10_000_000,
];

/// Sizes in bytes, by type. The bounds are 1, 10 kB, 1, 4, 10 and 40 MB.
#[derive(Debug)]
pub struct Sizes(ByType<Distribution>);

impl Sizes {
    pub(super) fn new(types: &'static Types) -> Self {
        Self(ByType::new(types, || Distribution::new(&SIZES)))
    }

    pub(super) fn add(&self, type_url: TypeUrl, bytes: usize) {
        self.0.of(type_url).add(bytes as u64);
    }

    /// Those of one type.
    pub fn get(&self, type_url: TypeUrl) -> &Distribution {
        self.0.of(type_url)
    }
}

/// Times in microseconds, by type. The bounds reach from 100 µs to 10 s.
#[derive(Debug)]
pub struct Times(ByType<Distribution>);

impl Times {
    pub(super) fn new(types: &'static Types) -> Self {
        Self(ByType::new(types, || Distribution::new(&TIMES)))
    }

    pub(super) fn add(&self, type_url: TypeUrl, time: Duration) {
        self.0.of(type_url).add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }

    /// Those of one type.
    pub fn get(&self, type_url: TypeUrl) -> &Distribution {
        self.0.of(type_url)
    }
}

#[cfg(test)]
mod tests;
