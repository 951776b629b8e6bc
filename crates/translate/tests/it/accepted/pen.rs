//! Draws values of each sort: mostly sound ones, some at a limit, some that no one should write.

use serde_json::{Map, Value, json};

/// Draws from a sequence that its seed decides.
pub(crate) struct Pen(u64);

/// An object with each field as often as its number says, in a hundred.
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
pub(crate) use fields;

const SOUND_HOSTS: &[&str] = &[
    "a",
    "b",
    "a.alphans.svc.cluster.local",
    "b.zetans.svc.cluster.local",
    "one.test",
    "api.ext.test",
    "*.ext.test",
    "*.test",
    "two.ext.test",
    "shop.example.com",
];
const ODD_HOSTS: &[&str] = &[
    "*",
    "*-mr.ext.test",
    "*ext.test",
    "*.alphans.svc.cluster.local",
    "One.Test",
    "one.test.",
    "10.7.0.1",
    "fd00::7",
    "*.",
    "*.*.test",
    "a b",
    "",
    "-x.test",
    "x_y.test",
    "localhost",
    "one",
    "*t",
];
const SOUND_TEXTS: &[&str] =
    &["x", "v1", "/", "/a", "/a/b", "%PROTOCOL%", "%REQ(:path)%", "a-b", "100%%", "text/html"];
const ODD_TEXTS: &[&str] = &[
    "",
    " ",
    "100%",
    "a%20b",
    "%BOGUS%",
    "%ENVIRONMENT(HOME)%",
    "a\nb",
    "a\r\nb",
    "\u{0}",
    "é",
    "\u{7f}",
    "\\1",
    "\\",
    "{}",
    "*",
    "//",
    "/a?b#c",
    "/*",
    "/{a}",
    "/a%2fb",
    "a,b",
    "%",
    "%%%",
    "%REQ(a b)%",
    "%START_TIME(%n)%",
    "\t",
];
const SOUND_EXPRESSIONS: &[&str] = &[
    ".*",
    "/a.*",
    "/a/(.*)",
    "^/([^/]+)/(.*)$",
    "\\d+",
    "(?i)abc",
    "a|b",
    "[[:alpha:]]+",
    "(?P<x>a)(b)",
    "/v[0-9]{1,3}",
];
const ODD_EXPRESSIONS: &[&str] =
    &["", "*", "(a", "a{1001}", "[z-a]", "a**", "(?=x)", "\\1", "(?<x", "a{2,1}", "\\"];
const HEADERS: &[&str] = &["x-a", "X-B", "x_c", "content-type", "user-agent", "host", "x-envoy-c", "cookie"];
const ODD_HEADERS: &[&str] =
    &[":path", ":authority", ":scheme", "", "a b", "x:y", "é", "transfer-encoding", "@x", "a\n"];
const DURATIONS: &[&str] = &["1s", "10s", "0.5s", "100ms", "1m", "2h", "0s", "1ms"];
const ODD_DURATIONS: &[&str] =
    &["0.000001s", "87600h", "-1s", "1us", "315576000001s", "0.9ms", "1.5s", "1h1m", "x"];
const PORTS: &[u32] = &[80, 443, 8080, 9000, 15443];
const ODD_PORTS: &[u32] = &[0, 1, 65_535, 65_536, 15_001, 15_006, 4_294_967_295];
const ADDRESSES: &[&str] =
    &["10.7.0.1", "10.7.0.2", "240.0.0.1", "10.96.0.1", "fd00::7", "10.8.0.0/16", "10.7.0.1/32"];
const ODD_ADDRESSES: &[&str] = &[
    "0.0.0.0",
    "::",
    "0.0.0.0/0",
    "::/0",
    "10.8.1.1/16",
    "127.0.0.1",
    "10.7.0.256",
    "::ffff:10.7.0.1",
    "1.2.3.4/33",
    "",
    "fe80::1%eth0",
    "255.255.255.255",
];
const LABELS: &[&str] = &["a", "b", "client", "vm"];

impl Pen {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Splitmix64, of public domain.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).expect("below a usize")
    }

    /// Whether this happens, as often as `percent` says.
    pub(crate) fn often(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }

    /// One of the first, or one time in twenty-five one of the second.
    fn mostly<T: Clone>(&mut self, sound: &[T], odd: &[T]) -> T {
        if self.often(4) { self.pick(odd) } else { self.pick(sound) }
    }

    /// From `least` to `most` values.
    pub(crate) fn list(
        &mut self,
        least: usize,
        most: usize,
        mut draw: impl FnMut(&mut Self) -> Value,
    ) -> Value {
        let count = least + self.below(most - least + 1);
        (0..count).map(|_| draw(self)).collect()
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
            return json!(format!("{}.test", "abcdefghi.".repeat(25)));
        }
        self.mostly(SOUND_HOSTS, ODD_HOSTS).into()
    }

    /// As [`Pen::host`], with more wildcards of all forms.
    pub(crate) fn server_host(&mut self) -> Value {
        if self.often(15) { self.pick(ODD_HOSTS).into() } else { self.host() }
    }

    pub(crate) fn text(&mut self) -> Value {
        match self.below(200) {
            0 => "x".repeat(300).into(),
            1 => "x".repeat(20_000).into(),
            _ if self.often(8) => self.pick(ODD_TEXTS).into(),
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

    pub(crate) fn share(&mut self) -> Value {
        let value = self.mostly(&[0.0, 0.001, 0.1, 12.5, 50.0, 100.0], &[-1.0, 100.1, 1e300, 0.000_000_1]);
        json!({"value": value})
    }

    pub(crate) fn number(&mut self) -> Value {
        self.mostly(&[0_i64, 1, 2, 3, 10, 100, 1000], &[-1, 2_147_483_647, 4_294_967_295, 65_537]).into()
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
            _ => json!({}),
        }
    }
}
