//! Certificates and keys are judged as Envoy judges them: what has a fault here is refused by a real one.
//!
//! The other way round holds for the table, but for what its comments leave to Envoy.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use fairlead_config::certificate::{Authorities, Chain, PrivateKey};
use fairlead_testkit::judge::{Case, Verdict, judge};
use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::{Config, TestRunner},
};
use serde_json::{Value, json};

/// Certificates and keys with a name each, valid for long.
const PIECES: &str = include_str!("../../../../tests/certificates/pieces.pem");

pub(crate) fn piece(name: &str) -> String {
    let from = PIECES.find(&format!("# {name}\n")).unwrap_or_else(|| panic!("there is no piece `{name}`"));
    let text = &PIECES[from + name.len() + 3..];
    text.split("# ").next().unwrap_or_default().to_owned()
}

fn pieces(names: &[&str]) -> String {
    names.iter().map(|name| piece(name)).collect()
}

/// A certificate or authorities, and a key.
#[derive(Clone, Debug)]
struct Pair {
    chain: Vec<u8>,
    key: Vec<u8>,
}

fn pair(chain: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Pair {
    Pair { chain: chain.into(), key: key.into() }
}

/// Why a pair is refused, by what we know of it.
fn fault_of_pair(Pair { chain, key }: &Pair) -> Option<String> {
    let (chain, key) = match (Chain::read(chain), PrivateKey::read(key)) {
        (Err(fault), _) | (_, Err(fault)) => return Some(fault.what),
        (Ok(chain), Ok(key)) => (chain, key),
    };
    let mismatch = key.mismatch(&chain, "tls.crt");
    mismatch.or_else(|| chain.refused_by_envoy()).or_else(|| key.refused_by_envoy()).map(|fault| fault.what)
}

/// Listeners that each have one pair, and authorities if there are any.
fn verdict(cases: impl IntoIterator<Item = (String, Pair, Option<Vec<u8>>)>) -> Verdict {
    let inline = |bytes: &[u8]| json!({"inline_bytes": BASE64.encode(bytes)});
    let listener = |(name, pair, authorities): (String, Pair, Option<Vec<u8>>)| -> Value {
        let certificate = json!({"certificate_chain": inline(&pair.chain), "private_key": inline(&pair.key)});
        let mut common = json!({"tls_certificates": [certificate]});
        if let Some(authorities) = authorities {
            common["validation_context"] = json!({"trusted_ca": inline(&authorities)});
        }
        let tls = json!({
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
            "common_tls_context": common,
        });
        let proxy = json!({
            "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
            "stat_prefix": "x",
            "cluster": "c",
        });
        json!({"name": name, "filter_chains": [{
            "filters": [{"name": "t", "typed_config": proxy}],
            "transport_socket": {"name": "tls", "typed_config": tls},
        }]})
    };
    let listeners = cases.into_iter().map(listener).collect();
    let clusters = vec![json!({"name": "c", "connect_timeout": "1s"})];
    judge(&Case { listeners, clusters, ..Case::default() }).expect("Envoy reads them")
}

/// Nothing is found: Envoy takes it.
const TAKEN: Option<&str> = None;

/// What is said of each of these; [`TAKEN`] where Envoy takes it.
fn table() -> Vec<(&'static str, Pair, Option<&'static str>)> {
    let mut table = sorts_of_keys();
    table.extend(several_blocks());
    table.extend(other_texts());
    table
}

fn sorts_of_keys() -> Vec<(&'static str, Pair, Option<&'static str>)> {
    let own = |name: &str| pair(piece(name), piece(&format!("{name} key")));
    let key = |name: &str| pair(piece("p256"), piece(name));
    let chain = |name: &str| pair(piece(name), piece("p256 key"));
    let not_the_key = Some("is not the key of the certificate");
    let (curve, short) = (Some("on a curve that Envoy does not take"), Some("too short for Envoy"));
    vec![
        ("p256", own("p256"), TAKEN),
        ("p384", own("p384"), TAKEN),
        ("p521", own("p521"), TAKEN),
        ("ed25519", own("ed25519"), TAKEN),
        ("rsa", own("rsa"), TAKEN),
        ("rsa pkcs1", pair(piece("rsa"), piece("rsa pkcs1")), TAKEN),
        ("sec1", key("p256 sec1"), TAKEN),
        ("key without its public part", key("p256 without public"), TAKEN),
        ("key with its curve spelt out", key("p256 explicit"), TAKEN),
        ("key with a compressed point", key("p256 compressed"), TAKEN),
        ("compressed", pair(piece("compressed"), piece("p256 sec1")), TAKEN),
        ("version 1", chain("version 1"), TAKEN),
        ("expired", chain("expired"), TAKEN),
        ("future", chain("future"), TAKEN),
        ("no names", chain("no names"), TAKEN),
        ("signature", chain("signature"), TAKEN),
        ("another key", key("other key"), not_the_key),
        ("key of another curve", key("p384 key"), not_the_key),
        ("key of another sort", key("rsa key"), not_the_key),
        ("ec key of rsa", pair(piece("rsa"), piece("p256 key")), not_the_key),
        ("p224", own("p224"), curve),
        ("k256", own("k256"), curve),
        ("dsa", own("dsa"), Some("a key for DSA")),
        ("pss", own("pss"), Some("a key for RSASSA-PSS")),
        ("rsa 1024", own("rsa1024"), short),
        ("key agreement", chain("key agreement"), Some("is not for signatures")),
        ("must staple", chain("must staple"), Some("must-staple")),
        ("encrypted", key("p256 encrypted"), Some("is encrypted")),
        ("encrypted of old", key("p256 old encrypted"), Some("is encrypted")),
        ("openssh", key("p256 openssh"), Some("OpenSSH's own form")),
        ("public key", key("p256 public"), Some("holds a public key and no private key")),
        ("request", chain("request"), Some("holds a certificate request and no certificate")),
        ("pkcs7", chain("pkcs7"), Some("holds PKCS#7 and no certificate")),
    ]
}

fn several_blocks() -> Vec<(&'static str, Pair, Option<&'static str>)> {
    let chain = |text: String| pair(text, piece("p256 key"));
    let key = |text: String| pair(piece("p256"), text);
    let foreign = |body: &str| format!("-----BEGIN FOO-----\n{body}\n-----END FOO-----\n");
    let junk = "-----BEGIN CERTIFICATE-----\nMAMxMjM=\n-----END CERTIFICATE-----\n";
    let trusted_junk = junk.replace("CERTIFICATE", "TRUSTED CERTIFICATE");
    let (p256, authority) = (piece("p256"), piece("authority"));
    vec![
        ("with its authority", chain(pieces(&["p256", "authority"])), TAKEN),
        ("twice", chain(pieces(&["p256", "p256"])), TAKEN),
        ("with a stranger", chain(pieces(&["p256", "other"])), TAKEN),
        ("with a curious one", chain(pieces(&["p256", "k256", "rsa1024"])), TAKEN),
        ("trusted", chain(piece("trusted")), TAKEN),
        ("with text", chain(format!("subject=a\n{p256}\nBag Attributes\n  x: y\n{authority}\nend")), TAKEN),
        ("request first", chain(pieces(&["request", "p256"])), TAKEN),
        ("request between", chain(pieces(&["p256", "request", "authority"])), TAKEN),
        ("key before", chain(pieces(&["p256 key", "p256"])), TAKEN),
        ("trusted junk after", chain(p256.clone() + &trusted_junk), TAKEN),
        ("key with parameters", key(pieces(&["parameters", "p256 sec1"])), TAKEN),
        ("key after its public part", key(pieces(&["p256 public", "p256 key"])), TAKEN),
        ("key with its certificate", key(pieces(&["p256", "p256 key"])), TAKEN),
        ("two keys", key(pieces(&["p256 key", "other key"])), TAKEN),
        ("foreign with lines before", chain(foreign("A: b\n\nabcd") + &p256), TAKEN),
        (
            "authority first",
            chain(pieces(&["authority", "p256"])),
            Some("is the key of certificate 2 in `tls.crt`, not of the first"),
        ),
        ("two keys, other first", key(pieces(&["other key", "p256 key"])), Some("is not the key")),
        ("encrypted first", key(pieces(&["p256 encrypted", "p256 key"])), Some("is encrypted")),
        ("swapped", pair(piece("p256 key"), p256.clone()), Some("holds a private key and no certificate")),
        ("no key", key(p256.clone()), Some("holds a certificate and no private key")),
        ("junk", chain(junk.to_owned()), Some("block 1 of its PEM holds no X.509 certificate")),
        ("junk after", chain(p256.clone() + junk), Some("block 2 of its PEM holds no X.509")),
        ("foreign junk", chain(foreign("!!!!") + &p256), Some("block 1 of its PEM is not base64")),
        ("foreign junk after", chain(p256.clone() + &foreign("!!!!")), Some("block 2 of its PEM is not")),
        ("empty block after", chain(p256.clone() + &foreign("")), Some("block 2 of its PEM")),
        ("begins again", chain(p256 + "-----BEGIN CERTIFICATE-----\n"), Some("has no end line of its own")),
        (
            "label of sec1",
            key(piece("p256 sec1").replace("EC PRIV", "PRIV")),
            Some("no private key of the type"),
        ),
        ("label of pkcs8", key(piece("p256 key").replace("PRIV", "EC PRIV")), TAKEN),
    ]
}

fn other_texts() -> Vec<(&'static str, Pair, Option<&'static str>)> {
    let (chain, key) = (piece("p256"), piece("p256 key"));
    let both = |edit: &dyn Fn(&str) -> String| pair(edit(&chain), edit(&key));
    let lines = |edit: &dyn Fn(&str) -> String| both(&|text| text.lines().map(edit).collect());
    let middle = chain.lines().nth(2).unwrap_or_default();
    let after = |replacement: &str| pair(chain.replacen("-----\n", replacement, 1), key.clone());
    let no_end = Some("has no end line of its own");
    let no_pem = Some("holds no certificate in PEM");
    vec![
        ("line ends of Windows", lines(&|line| format!("{line}\r\n")), TAKEN),
        ("white space at line ends", lines(&|line| format!("{line} \t\n")), TAKEN),
        ("no line end at the end", both(&|text| text.trim_end().to_owned()), TAKEN),
        ("empty lines before", both(&|text| format!("\n \n{text}")), TAKEN),
        ("empty lines everywhere", lines(&|line| format!("{line}\n\n")), TAKEN),
        ("empty line after the first", after("-----\n\n"), TAKEN),
        ("a zero at the end", both(&|text| format!("{text}\0")), TAKEN),
        ("half a first line after", pair(chain.clone() + "-----BEGIN CERTIFICATE--\n", &*key), TAKEN),
        ("indented base64", pair(chain.replace(middle, &format!("  {middle}")), &*key), TAKEN),
        ("empty line within", pair(chain.replace(middle, &format!("\n{middle}")), &*key), Some("is damaged")),
        ("a line before the base64", after("-----\nComment: x\n\n"), Some("no X.509 certificate")),
        ("line ends of old", both(&|text| text.replace('\n', "\r")), Some("PEM with carriage returns")),
        ("indented", lines(&|line| format!("  {line}\n")), Some("PEM that is indented")),
        ("text before", pair(format!("x{chain}"), &*key), no_pem),
        ("mark", both(&|text| format!("\u{feff}{text}")), Some("a byte order mark")),
        ("one line", both(&|text| text.replace('\n', " ")), Some("PEM without line breaks")),
        ("escaped", both(&|text| text.replace('\n', "\\n")), Some("instead of line breaks")),
        ("encoded twice", both(&|text| BASE64.encode(text)), Some("base64 of PEM")),
        ("der", pair(BASE64.decode(body(&chain)).expect("base64"), &*key), Some("it looks like DER")),
        ("utf-16", pair(utf16(&chain), &*key), Some("UTF-16")),
        ("glued", pair(chain.trim_end().to_owned() + &piece("authority"), &*key), no_end),
        ("truncated", pair(&chain[..chain.len() / 2], &*key), no_end),
        ("no end", pair(&chain[..chain.len() - 10], &*key), no_end),
        ("other end", pair(chain.replace("END CERT", "END XCERT"), &*key), no_end),
        ("key without end", pair(&*chain, &key[..key.len() - 10]), no_end),
        ("not base64", pair(chain.replace(middle, "!!!!"), &*key), Some("is not base64")),
        ("a zero within", pair(chain.replace(middle, &format!("\0{middle}")), &*key), Some("is not base64")),
        ("no padding", pair(chain.replace('=', ""), &*key), Some("is not base64")),
        ("less of it", pair(cut(&chain), &*key), Some("no X.509 certificate")),
        ("nonsense", pair("nonsense", "nonsense"), no_pem),
        ("nothing", pair("\n", &*key), Some("is empty")),
        ("no key at all", pair(&*chain, " "), Some("is empty")),
    ]
}

/// The base64 of the only block.
fn body(text: &str) -> String {
    text.lines().filter(|line| !line.starts_with('-')).collect()
}

/// The only block without its last bytes.
fn cut(text: &str) -> String {
    let der = BASE64.decode(body(text)).expect("base64");
    let body = BASE64.encode(&der[..der.len() - 5]);
    format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n")
}

fn utf16(text: &str) -> Vec<u8> {
    let units = std::iter::once(0xfeff).chain(text.encode_utf16());
    units.flat_map(u16::to_le_bytes).collect()
}

fn authorities() -> Vec<(&'static str, String, Option<&'static str>)> {
    let junk = "-----BEGIN CERTIFICATE-----\nMAMxMjM=\n-----END CERTIFICATE-----\n";
    let authority = || piece("authority");
    vec![
        ("one", authority(), TAKEN),
        ("two", pieces(&["authority", "other"]), TAKEN),
        ("with text", format!("# First\n=====\n{}\nSecond\n{}", authority(), piece("rsa")), TAKEN),
        ("twice", pieces(&["authority", "authority"]), TAKEN),
        ("with a revocation list", pieces(&["authority", "revoked"]), TAKEN),
        ("revocation list first", pieces(&["revoked", "authority"]), TAKEN),
        ("with keys", pieces(&["p256 key", "p256 sec1", "rsa pkcs1", "authority"]), TAKEN),
        ("with an encrypted key", pieces(&["p256 old encrypted", "authority"]), TAKEN),
        ("with a request", pieces(&["request", "authority"]), TAKEN),
        ("with others", pieces(&["parameters", "pkcs7", "p256 public", "authority"]), TAKEN),
        ("trusted", piece("trusted"), TAKEN),
        ("version 1", piece("version 1"), TAKEN),
        ("curious keys", pieces(&["k256", "rsa1024", "dsa"]), TAKEN),
        ("expired", piece("expired"), TAKEN),
        ("revocation list only", piece("revoked"), Some("holds a revocation list and no certificate")),
        ("key", piece("p256 key"), Some("holds a private key and no certificate")),
        ("nonsense", "nonsense".to_owned(), Some("holds no certificate in PEM")),
        ("junk after", authority() + junk, Some("block 2 of its PEM")),
        ("trusted junk after", authority() + &junk.replace("CERT", "TRUSTED CERT"), Some("block 2")),
        ("junk list after", authority() + &junk.replace("CERTIFICATE", "X509 CRL"), Some("block 2")),
        ("junk key after", authority() + &junk.replace("CERTIFICATE", "EC PRIVATE KEY"), Some("block 2")),
        (
            "foreign junk",
            "-----BEGIN FOO-----\n!\n-----END FOO-----\n".to_owned() + &authority(),
            Some("block 1"),
        ),
        ("no end", authority() + &piece("other")[..90], Some("block 2")),
        ("a line before the base64", authority().replacen("-----\n", "-----\nA: b\n\n", 1), Some("block 1")),
        ("blank", " \n".to_owned(), Some("is empty")),
    ]
}

/// Compares what is said of each with what is expected, and both with Envoy.
fn compare(cases: &[(&str, Option<String>, Option<&str>)], refused: &BTreeMap<String, String>) {
    let mut wrong = Vec::new();
    for (name, said, expected) in cases {
        let is_said = match (said, expected) {
            (None, None) => true,
            (Some(said), Some(expected)) => said.contains(expected),
            _ => false,
        };
        if !is_said || said.is_some() != refused.contains_key(*name) {
            let envoy = refused.get(*name);
            wrong.push(format!("{name}: {said:?} is said, {expected:?} expected, Envoy: {envoy:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn certificates_and_keys_are_judged_as_envoy_judges_them() {
    let table = table();
    let cases = table.iter().map(|(name, pair, _)| ((*name).to_owned(), pair.clone(), None));
    let refused = verdict(cases).listeners;
    let said = table.iter().map(|(name, pair, expected)| (*name, fault_of_pair(pair), *expected));
    compare(&said.collect::<Vec<_>>(), &refused);
}

#[test]
fn authorities_are_judged_as_envoy_judges_them() {
    let table = authorities();
    let own = pair(piece("p256"), piece("p256 key"));
    let cases =
        table.iter().map(|(name, text, _)| ((*name).to_owned(), own.clone(), Some(text.clone().into())));
    let refused = verdict(cases).listeners;
    let fault = |text: &str| Authorities::read(text.as_bytes()).err().map(|fault| fault.what);
    let said = table.iter().map(|(name, text, expected)| (*name, fault(text), *expected));
    compare(&said.collect::<Vec<_>>(), &refused);
}

/// Edits of a text: bytes that are replaced, inserted and removed, lines that are doubled and dropped.
fn edited(text: String) -> impl Strategy<Value = String> {
    let bytes = "AB=/+ \n\r\t-:!0";
    let edit = (0..7_u8, any_index(), any_index());
    proptest::collection::vec(edit, 1..3).prop_map(move |edits| {
        let mut text: Vec<char> = text.chars().collect();
        for (sort, at, which) in edits {
            let at = at % text.len().max(1);
            // Half of them at the ends of lines.
            let end = text.iter().skip(at).position(|char| *char == '\n');
            let at = at + end.filter(|_| which % 2 == 0).unwrap_or_default();
            let byte = bytes.chars().nth(which % bytes.len()).unwrap_or(' ');
            match sort {
                _ if text.is_empty() => {}
                0 => text[at] = byte,
                1 => text.insert(at, byte),
                2 => drop(text.remove(at)),
                3 => text.truncate(at),
                4 | 5 => text.insert(at, ' '),
                _ => text.splice(at..at, ['\n', byte]).for_each(drop),
            }
        }
        text.into_iter().collect()
    })
}

fn any_index() -> impl Strategy<Value = usize> {
    0..100_000_usize
}

/// Nothing that Envoy takes is called faulty, whatever the text.
#[test]
fn what_is_faulty_here_is_refused_by_envoy() {
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
    let mut sample = |text: String| edited(text).new_tree(&mut runner).expect("a text").current();
    let chains = [pieces(&["p256", "authority"]), piece("rsa"), piece("trusted")];
    let keys = ["p256 key", "p256 sec1", "rsa key", "rsa pkcs1", "p256 old encrypted"];
    let mut pairs = Vec::new();
    for round in 0..800 {
        let key = piece(keys[round % keys.len()]);
        let chain = chains[usize::from(keys[round % keys.len()].starts_with("rsa"))].clone();
        pairs.push(if round % 2 == 0 { pair(sample(chain), key) } else { pair(chain, sample(key)) });
    }
    let cases = pairs.iter().enumerate().map(|(at, pair)| (at.to_string(), pair.clone(), None));
    let refused = verdict(cases).listeners;
    let faults: Vec<_> = pairs.iter().map(fault_of_pair).collect();
    for (at, fault) in faults.iter().enumerate() {
        let pair = &pairs[at];
        let is_refused = refused.contains_key(&at.to_string());
        assert!(
            fault.is_none() || is_refused,
            "Envoy takes it, and it {fault:?}:\n{}\n{}",
            String::from_utf8_lossy(&pair.chain),
            String::from_utf8_lossy(&pair.key)
        );
    }
    let found = faults.iter().flatten().count();
    assert!(found * 10 > refused.len() * 9, "only {found} of {} are found", refused.len());
    assert!(refused.len() < 760, "hardly anything is taken");
}
