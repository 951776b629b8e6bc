//! [`Directory`]: what the files of a directory say, what they said before, and what follows from both.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    sync::Arc,
};

use fairlead_config::{
    AnyConfig, Change, ChangeBatch, Code, ConfigKey, Diagnostic, FieldPath, Location, Severity, Subject,
    decode_file,
};

/// The files of a directory at one moment.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The files by path.
    pub files: BTreeMap<Arc<str>, FileState>,
    /// Directories that could not be read, with the reason. Files known to be under them count as unchanged.
    pub unreadable: BTreeMap<Arc<str>, String>,
}

impl Snapshot {
    /// Whether something that is there could not be read.
    pub(crate) fn is_partial(&self) -> bool {
        let unread = |state: &FileState| matches!(state, FileState::Unreadable(_));
        !self.unreadable.is_empty() || self.files.values().any(unread)
    }
}

/// What is known of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileState {
    /// Its bytes.
    Content(Vec<u8>),
    /// It is as it was in the last snapshot.
    Unchanged,
    /// It could not be read, for this reason.
    Unreadable(String),
}

/// What a snapshot changes.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Objects that are new, different or gone.
    pub batch: ChangeBatch,
    /// All findings about the files as they are now, by file and line.
    pub diagnostics: Vec<Diagnostic>,
}

/// The state of a directory of configuration files.
///
/// An object stays in use in its last good version while its file does not say what it has become:
///
/// - An object that is in its file with an error keeps the version read before from that file.
/// - A document that is not well-formed, or whose object has no valid kind, version or name, may hold any object.
///   While a file has such a document, the objects read before from that file and not found in it now are kept.
/// - A file that cannot be read counts as one such document. A directory that cannot be read keeps all its files.
/// - An object is gone when its file is gone, or is well-formed throughout and does not hold it.
/// - An object that was never read without an error is not in use.
///
/// If several files hold an object, a version read now wins over a kept one, and among equals the first by path;
/// within one file the first wins.
#[derive(Debug, Default)]
pub struct Directory {
    files: BTreeMap<Arc<str>, Record>,
    /// In the order of their keys.
    in_use: Vec<AnyConfig>,
}

/// What a file holds: mostly one object, so lists take a fraction of what maps would.
#[derive(Debug, Default)]
struct Record {
    /// In the order of their keys, each key once.
    objects: Vec<Held>,
    diagnostics: Vec<Diagnostic>,
}

#[derive(Debug)]
struct Held {
    object: AnyConfig,
    /// Whether the object was read before and is kept.
    kept: bool,
}

impl Held {
    fn key(&self) -> &ConfigKey {
        self.object.key()
    }
}

impl Directory {
    /// A directory that has not been read.
    pub fn new() -> Self {
        Self::default()
    }

    /// The objects in use.
    pub fn objects(&self) -> impl Iterator<Item = &AnyConfig> {
        self.in_use.iter()
    }

    /// Takes the files as they are now; returns what that changes.
    pub fn update(&mut self, snapshot: Snapshot) -> Changes {
        let Snapshot { files, unreadable } = snapshot;
        let mut before = std::mem::take(&mut self.files);
        for (path, state) in files {
            let record = before.remove(&path).unwrap_or_default();
            self.files.insert(path.clone(), read(&path, state, record));
        }
        for (path, record) in before {
            if unreadable.keys().any(|directory| is_under(directory, &path)) {
                self.files.insert(path, record);
            }
        }
        let (in_use, mut diagnostics) = self.merge();
        diagnostics.extend(unreadable.iter().map(|(path, reason)| unreadable_finding(path, reason)));
        diagnostics.sort_by(|a, b| a.position.cmp(&b.position).then_with(|| a.cmp(b)));
        let mut kinds_not_read = BTreeSet::new();
        diagnostics.retain(|finding| {
            finding.code != Code::KindNotRead || kinds_not_read.insert(finding.message.clone())
        });
        let batch = difference(&self.in_use, &in_use);
        self.in_use = in_use;
        Changes { batch, diagnostics }
    }

    /// The objects that win, and the findings about all files.
    fn merge(&self) -> (Vec<AnyConfig>, Vec<Diagnostic>) {
        let mut winners: BTreeMap<&ConfigKey, (&Arc<str>, &Held)> = BTreeMap::new();
        let mut diagnostics = Vec::new();
        for (path, record) in &self.files {
            diagnostics.extend(record.diagnostics.iter().cloned());
            for held in &record.objects {
                match winners.entry(held.key()) {
                    Entry::Vacant(vacant) => {
                        vacant.insert((path, held));
                    }
                    Entry::Occupied(mut occupied) => {
                        let (first_path, first) = *occupied.get();
                        let (winner, loser) = if first.kept && !held.kept {
                            occupied.insert((path, held));
                            (path, first)
                        } else {
                            (first_path, held)
                        };
                        diagnostics.push(duplicate(loser, winner));
                    }
                }
            }
        }
        (winners.into_values().map(|(_, held)| held.object.clone()).collect(), diagnostics)
    }
}

fn is_under(directory: &str, path: &str) -> bool {
    path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/') || directory.ends_with('/'))
}

/// What a file holds now, given what it held before.
fn read(path: &Arc<str>, state: FileState, before: Record) -> Record {
    match state {
        FileState::Unchanged => before,
        FileState::Content(bytes) => decode(path, &bytes, before),
        FileState::Unreadable(reason) => {
            let mut record = Record::default();
            record.diagnostics.push(unreadable_finding(path, &reason));
            let kept = before.objects.into_iter().map(|held| record.keep(path, held)).collect();
            Record { objects: kept, ..record }
        }
    }
}

fn decode(path: &Arc<str>, bytes: &[u8], before: Record) -> Record {
    let decoded = decode_file(path, bytes);
    let nameless =
        |finding: &Diagnostic| finding.severity == Severity::Error && matches!(finding.on, Subject::File(_));
    let any_object_may_be_hidden = decoded.broken_documents > 0 || decoded.diagnostics.iter().any(nameless);
    let mut record = Record { diagnostics: decoded.diagnostics, ..Record::default() };
    let mut objects: BTreeMap<ConfigKey, Held> = BTreeMap::new();
    for object in decoded.objects {
        match objects.entry(object.key().clone()) {
            Entry::Vacant(vacant) => {
                vacant.insert(Held { object, kept: false });
            }
            Entry::Occupied(_) => record.diagnostics.push(duplicate(&Held { object, kept: false }, path)),
        }
    }
    for held in before.objects {
        let is_kept = any_object_may_be_hidden || decoded.rejected.contains(held.key());
        if is_kept && !objects.contains_key(held.key()) {
            objects.insert(held.key().clone(), record.keep(path, held));
        }
    }
    record.objects = objects.into_values().collect();
    record
}

impl Record {
    /// Says that an object which was read before is kept.
    fn keep(&mut self, path: &Arc<str>, held: Held) -> Held {
        let key = held.key().clone();
        let text = "the version that was read before stays in use";
        let on = Subject::Object(key);
        let mut finding = Diagnostic::new(Severity::Info, on, Code::LastGoodKept, FieldPath::root(), text);
        finding.position = Some(Location { file: path.clone(), line: 1, column: 1 });
        self.diagnostics.push(finding);
        Held { kept: true, ..held }
    }
}

fn unreadable_finding(path: &Arc<str>, reason: &str) -> Diagnostic {
    let text = format!("cannot be read: {reason}");
    let on = Subject::File(path.clone());
    let mut finding = Diagnostic::new(Severity::Error, on, Code::UnreadableFile, FieldPath::root(), text);
    finding.position = Some(Location { file: path.clone(), line: 1, column: 1 });
    finding
}

fn duplicate(loser: &Held, winner: &str) -> Diagnostic {
    let text = format!("the object is defined in {winner} already; this definition is not used");
    let on = Subject::Object(loser.object.key().clone());
    let mut finding = Diagnostic::new(Severity::Error, on, Code::DuplicateObject, FieldPath::root(), text);
    finding.help("remove one of them").locate(loser.object.source());
    finding
}

/// What differs, and what has only moved: an equal object in another place changes nothing that is derived from it,
/// but what is said of it names its new place.
fn difference(before: &[AnyConfig], now: &[AnyConfig]) -> ChangeBatch {
    let in_list =
        |list: &[AnyConfig], key: &ConfigKey| list.binary_search_by(|object| object.key().cmp(key)).ok();
    let gone = before.iter().map(AnyConfig::key).filter(|key| in_list(now, key).is_none());
    let gone = gone.cloned().map(Change::Delete);
    let set = now.iter().filter(|object| {
        in_list(before, object.key())
            .is_none_or(|at| before[at] != **object || before[at].source() != object.source())
    });
    gone.chain(set.map(|object| Change::Set(object.clone()))).collect()
}

#[cfg(test)]
mod tests;
