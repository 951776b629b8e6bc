//! Whether a text is what the formats demand, as `promtool check metrics` and the specification of OpenMetrics have it.

use std::collections::{BTreeMap, BTreeSet};

use crate::metrics::Form;

/// What is known of a family while its lines are read.
#[derive(Debug, Default)]
struct Family {
    name: String,
    of_type: String,
    /// By the labels without `le`.
    histograms: BTreeMap<String, Histogram>,
}

#[derive(Debug, Default)]
struct Histogram {
    buckets: Vec<(f64, f64)>,
    count: Option<f64>,
    sum: Option<f64>,
}

/// Checks a text.
///
/// # Panics
/// With the line that is wrong.
pub(super) fn check(text: &str, form: Form) {
    let (mut families, mut series) = (BTreeSet::new(), BTreeSet::new());
    let (mut current, mut help, mut ended) = (Family::default(), None, false);
    assert!(text.ends_with('\n'), "the last line ends");
    for line in text.lines() {
        assert!(!ended, "nothing comes after the end: {line}");
        if line == "# EOF" {
            assert_eq!(form, Form::OpenMetrics, "{line}");
            ended = true;
        } else if let Some(said) = line.strip_prefix("# HELP ") {
            let (name, said) = said.split_once(' ').unwrap_or_else(|| panic!("no help: {line}"));
            assert!(!said.is_empty() && is_name(name), "{line}");
            help = Some(name.to_owned());
        } else if let Some(said) = line.strip_prefix("# TYPE ") {
            finish(&current);
            let (name, of_type) = said.split_once(' ').unwrap_or_else(|| panic!("no type: {line}"));
            assert_eq!(help.take().as_deref(), Some(name), "help comes before: {line}");
            assert!(types(form).contains(&of_type), "{line}");
            assert!(families.insert(name.to_owned()), "twice: {line}");
            current = Family { name: name.to_owned(), of_type: of_type.to_owned(), ..Family::default() };
        } else {
            assert!(!line.starts_with('#'), "{line}");
            let sample = sample(line);
            assert!(series.insert(line[..line.len() - sample.value_text.len()].to_owned()), "twice: {line}");
            take(&mut current, &sample, form, line);
        }
    }
    finish(&current);
    assert_eq!(ended, form == Form::OpenMetrics, "the end");
}

fn types(form: Form) -> &'static [&'static str] {
    match form {
        Form::OpenMetrics => &["counter", "gauge", "histogram", "info", "unknown"],
        Form::Prometheus => &["counter", "gauge", "histogram"],
    }
}

fn is_name(name: &str) -> bool {
    let is_first = |c: char| c.is_ascii_alphabetic() || c == '_' || c == ':';
    name.starts_with(is_first) && name.chars().all(|c| is_first(c) || c.is_ascii_digit())
}

struct Sample {
    name: String,
    labels: Vec<(String, String)>,
    value_text: String,
    value: f64,
}

fn sample(line: &str) -> Sample {
    let (series, value_text) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no value: {line}"));
    let value = value_text.parse().unwrap_or_else(|_| panic!("no number: {line}"));
    let (name, labels) = match series.split_once('{') {
        None => (series, Vec::new()),
        Some((name, rest)) => {
            (name, labels(rest.strip_suffix('}').unwrap_or_else(|| panic!("{line}")), line))
        }
    };
    assert!(is_name(name), "{line}");
    Sample { name: name.to_owned(), labels, value_text: value_text.to_owned(), value }
}

fn labels(mut rest: &str, line: &str) -> Vec<(String, String)> {
    let mut labels = Vec::new();
    while !rest.is_empty() {
        let (name, after) = rest.split_once("=\"").unwrap_or_else(|| panic!("{line}"));
        let mut escaped = false;
        let end = after.char_indices().find(|(_, c)| {
            let is_end = *c == '"' && !escaped;
            escaped = *c == '\\' && !escaped;
            is_end
        });
        let (end, _) = end.unwrap_or_else(|| panic!("a label without an end: {line}"));
        assert!(is_name(name) && !name.contains(':'), "{line}");
        labels.push((name.to_owned(), after[..end].to_owned()));
        rest = after[end + 1..].trim_start_matches(',');
    }
    labels
}

fn take(family: &mut Family, sample: &Sample, form: Form, line: &str) {
    let suffix = sample.name.strip_prefix(&family.name).unwrap_or_else(|| panic!("of no family: {line}"));
    let is_open = form == Form::OpenMetrics;
    match (family.of_type.as_str(), suffix) {
        ("counter", "_total") if is_open => assert!(sample.value >= 0.0, "{line}"),
        ("counter", "") if !is_open => {
            assert!(sample.value >= 0.0, "{line}");
        }
        ("info", "_info") | ("gauge" | "unknown", "") => {}
        ("histogram", _) => {
            let others: Vec<_> = sample.labels.iter().filter(|(name, _)| name != "le").collect();
            let histogram = family.histograms.entry(format!("{others:?}")).or_default();
            let bound =
                sample.labels.iter().find(|(name, _)| name == "le").map(|(_, bound)| bound.parse::<f64>());
            match (suffix, bound) {
                ("_bucket", Some(Ok(bound))) => histogram.buckets.push((bound, sample.value)),
                ("_count", None) => histogram.count = Some(sample.value),
                ("_sum", None) => histogram.sum = Some(sample.value),
                _ => panic!("not of a histogram: {line}"),
            }
        }
        _ => panic!("not of a {}: {line}", family.of_type),
    }
}

fn finish(family: &Family) {
    for (labels, Histogram { buckets, count, sum }) in &family.histograms {
        let at = format!("{} {labels}", family.name);
        assert!(buckets.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1), "{at}: {buckets:?}");
        let last = buckets.last().unwrap_or_else(|| panic!("{at}: no bucket"));
        assert!(
            last.0.is_infinite() && Some(last.1) == *count && sum.is_some(),
            "{at}: {last:?} {count:?} {sum:?}"
        );
    }
}
