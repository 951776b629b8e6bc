//! Draws values of each sort: mostly sound ones, some at a limit, some that no one should write.

use serde_json::{Map, Value, json};

use super::values::{
    ADDRESSES, ALT_NAMES, DURATIONS, HEADERS, IPS, LABELS, LOCALITIES, LOG_FORMATS, ODD_ADDRESSES,
    ODD_DURATIONS, ODD_EXPRESSIONS, ODD_HEADERS, ODD_HOSTS, ODD_LOCALITIES, ODD_PORTS, ODD_TEXTS, PORTS,
    SOUND_EXPRESSIONS, SOUND_HOSTS, SOUND_TEXTS, WILDCARDS,
};

/// Draws from a sequence that its seed decides.
pub struct Pen {
    state: u64,
    /// How many values of a hundred no one should write.
    odd: usize,
}

/// An object that has each field with the probability given, in percent.
macro_rules! fields {
    ($pen:expr, { $($key:literal $often:literal: $value:expr),* $(,)? }) => {{
        let mut map = serde_json::Map::new();
        $(
            if $pen.often($often) {
                map.insert($key.to_owned(), serde_json::json!($value));
            }
        )*
        serde_json::Value::Object(map)
    }};
}
pub(super) use fields;

impl Pen {
    /// A pen that draws what the seed decides. With a multiple of four, every value is one that may be written.
    pub fn new(seed: u64) -> Self {
        // One world of four has none, and one many: there most large objects lose a part, or are left out.
        let odd = match seed % 4 {
            0 => 0,
            1 => 1,
            2 => 2,
            _ => 8,
        };
        Self { state: seed, odd }
    }

    /// Splitmix64, of public domain.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below another.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).expect("below a usize")
    }

    /// Whether an event of this probability happens.
    pub fn often(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// Whether something is done that no one should do.
    pub(crate) fn is_odd(&mut self) -> bool {
        let odd = self.odd;
        self.often(odd)
    }

    /// One of these.
    pub fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }

    /// One of the first, or now and then one of the second.
    pub(crate) fn mostly<T: Clone>(&mut self, sound: &[T], odd: &[T]) -> T {
        if self.is_odd() { self.pick(odd) } else { self.pick(sound) }
    }

    /// From `least` to `most` values.
    pub(crate) fn list(
        &mut self,
        least: usize,
        most: usize,
        mut draw: impl FnMut(&mut Self) -> Value,
    ) -> Value {
        let count = least + self.below(most - least + 1);
        let mut list: Vec<Value> = Vec::new();
        for _ in 0..count {
            let value = draw(self);
            // Duplicates are mostly errors.
            if !list.contains(&value) || self.is_odd() {
                list.push(value);
            }
        }
        list.into()
    }

    /// As [`Pen::list`], mostly without two that have the same value in one of these fields.
    pub(crate) fn distinct(
        &mut self,
        fields: &[&str],
        least: usize,
        most: usize,
        draw: impl FnMut(&mut Self) -> Value,
    ) -> Value {
        let mut kept: Vec<Value> = Vec::new();
        for value in self.list(least, most, draw).as_array().into_iter().flatten() {
            let is_there = kept.iter().any(|other| fields.iter().any(|field| other[field] == value[field]));
            if !is_there || self.is_odd() {
                kept.push(value.clone());
            }
        }
        kept.into()
    }

    /// At most `most` entries.
    pub(crate) fn map(
        &mut self,
        most: usize,
        mut key: impl FnMut(&mut Self) -> String,
        mut draw: impl FnMut(&mut Self) -> Value,
    ) -> Value {
        let count = 1 + self.below(most);
        let entries = (0..count).map(|_| (key(self), draw(self)));
        Value::Object(entries.collect::<Map<_, _>>())
    }

    pub(crate) fn host(&mut self) -> Value {
        if self.often(1) {
            return json!(format!("{}test", "abcdefghi.".repeat(24)));
        }
        self.mostly(SOUND_HOSTS, ODD_HOSTS).into()
    }

    /// A host that can be looked up.
    pub(crate) fn exact_host(&mut self) -> Value {
        self.mostly(
            &["a", "one.test", "api.ext.test", "shop.example.com", "10.7.0.1", "x.one.test"],
            ODD_HOSTS,
        )
        .into()
    }

    /// As [`Pen::host`], with more wildcards of all forms.
    pub(crate) fn server_host(&mut self) -> Value {
        if self.often(15) { self.mostly(WILDCARDS, ODD_HOSTS).into() } else { self.host() }
    }

    pub(crate) fn text(&mut self) -> Value {
        match self.below(200) {
            0 => "x".repeat(300).into(),
            1 => "x".repeat(20_000).into(),
            _ if self.often(2 * self.odd) => self.pick(ODD_TEXTS).into(),
            _ => self.pick(SOUND_TEXTS).into(),
        }
    }

    pub(crate) fn path(&mut self) -> Value {
        if self.often(85) { self.pick(&["/", "/a", "/a/", "/a/b", "/c.d"]).into() } else { self.text() }
    }

    pub(crate) fn expression(&mut self) -> Value {
        self.mostly(SOUND_EXPRESSIONS, ODD_EXPRESSIONS).into()
    }

    pub(crate) fn header(&mut self) -> String {
        self.mostly(HEADERS, ODD_HEADERS).into()
    }

    pub(crate) fn duration(&mut self) -> Value {
        self.mostly(DURATIONS, ODD_DURATIONS).into()
    }

    pub(crate) fn port(&mut self) -> Value {
        self.mostly(PORTS, ODD_PORTS).into()
    }

    pub(crate) fn address(&mut self) -> Value {
        self.mostly(ADDRESSES, ODD_ADDRESSES).into()
    }

    /// An address of a workload.
    pub(crate) fn ip(&mut self) -> Value {
        self.pick(IPS).into()
    }

    pub(crate) fn locality(&mut self) -> Value {
        self.mostly(LOCALITIES, ODD_LOCALITIES).into()
    }

    /// A name that a certificate may carry.
    pub(crate) fn alt_name(&mut self) -> Value {
        if self.often(90) { self.pick(ALT_NAMES).into() } else { self.text() }
    }

    /// A parameter of a query.
    pub(crate) fn parameter(&mut self) -> String {
        self.mostly(&["q", "a b", "é", "q", "%41", "x=y", "&"], &[""]).to_owned()
    }

    pub(crate) fn log_format(&mut self) -> Value {
        self.pick(LOG_FORMATS).into()
    }

    /// A file of this name on the proxy.
    pub(crate) fn file(&mut self, name: &str) -> Value {
        if !self.is_odd() {
            return format!("/etc/certs/{name}").into();
        }
        match self.below(8) {
            0 => format!("/{}", "f".repeat(5_000)).into(),
            _ => {
                self.pick(&["", "/gone.pem", "gone.pem", "é", " ", "/etc/certs/", "/etc/%2e/x", "a:b"]).into()
            }
        }
    }

    pub(crate) fn share(&mut self) -> Value {
        let value = self.mostly(
            &[0.0, 0.001, 0.1, 12.5, 50.0, 100.0],
            &[-1.0, 100.1, 1e300, 0.000_000_1, 99.999_999, 0.000_05, 100.000_000_1],
        );
        json!({"value": value})
    }

    pub(crate) fn number(&mut self) -> Value {
        self.mostly(
            &[0_i64, 1, 2, 3, 10, 100, 1000],
            &[-1, 2_147_483_647, 2_147_483_648, 4_294_967_295, 4_294_967_296, 65_537, i64::MIN, i64::MAX],
        )
        .into()
    }

    pub(crate) fn bool(&mut self) -> Value {
        self.often(50).into()
    }

    pub(crate) fn labels(&mut self) -> Value {
        let key = self.pick(&["app", "version", "istio"]);
        let value = if key == "istio" { "ingressgateway" } else { self.pick(LABELS) };
        json!({key: value})
    }

    /// A match of text.
    pub(crate) fn string_match(&mut self) -> Value {
        match self.below(12) {
            0..4 => json!({"exact": self.text()}),
            4..8 => json!({"prefix": self.path()}),
            8..11 => json!({"regex": self.expression()}),
            _ if !self.is_odd() => json!({}),
            _ => json!({"exact": self.text(), "prefix": self.path()}),
        }
    }
}
