//! [`Directory`]: what the files of a directory contain and contained before, and what follows from both.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    sync::Arc,
};

use fairlead_config::{
    AnyConfig, Change, ChangeBatch, Code, ConfigKey, Diagnostic, FieldPath, Location, Severity, Subject,
    Unread, decode_file, duplicate,
};

/// The files of a directory at one moment.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The files by path.
    pub files: BTreeMap<Arc<str>, FileState>,
    /// Directories that could not be read, with the reason. Files known to be under them count as unchanged.
    pub unreadable: BTreeMap<Arc<str>, String>,
    /// Files and directories that are not read on purpose. Files known to be there count as unchanged.
    pub refused: BTreeMap<Arc<str>, Refusal>,
}

/// Why something in the directory is not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A link leads out of the directory, to this place.
    Link(String),
    /// The directory exceeds this limit.
    Bound(String),
    /// It is part of a Helm chart or of a kustomization, which has the finding.
    Unrendered,
}

impl Snapshot {
    /// Whether something could not be read.
    pub(crate) fn is_partial(&self) -> bool {
        let unread = |state: &FileState| matches!(state, FileState::Unreadable(_));
        !self.unreadable.is_empty() || self.files.values().any(unread)
    }
}

/// The state of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileState {
    /// Its bytes.
    Content(Vec<u8>),
    /// It has not changed since the last snapshot.
    Unchanged,
    /// It could not be read, for this reason.
    Unreadable(String),
}

/// The changes by a snapshot.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Objects that are new, different or gone.
    pub batch: ChangeBatch,
    /// All findings about the files as they are now, by file and line.
    pub diagnostics: Vec<Diagnostic>,
}

/// The state of a directory of configuration files.
///
/// The last good version of an object stays in use while its file leaves its state unclear:
///
/// - An object that is in its file with an error keeps the version read before from that file.
/// - A document that is not well-formed, or whose object has no valid kind, version or name, may hold any object.
///   While a file has such a document, the objects read before from that file and not found in it now are kept.
/// - A file that cannot be read counts as one such document. All files of a directory that cannot be read are kept.
/// - An object is gone when its file is gone, or is well-formed throughout and does not hold it.
/// - An object that was never read without an error is not in use.
///
/// If several files hold an object, a version read now wins over a kept one, and among equals the first by path;
/// within one file the first wins.
#[derive(Debug, Default)]
pub struct Directory {
    files: BTreeMap<Arc<str>, Record>,
    /// A file that holds the object; for those in several files, see `rivals`.
    holders: BTreeMap<ConfigKey, Arc<str>>,
    /// The files of objects that are in several.
    rivals: BTreeMap<ConfigKey, BTreeSet<Arc<str>>>,
    /// The files with findings of their own.
    found: BTreeSet<Arc<str>>,
    /// The same as in the last snapshot.
    unreadable: BTreeMap<Arc<str>, String>,
    refused: BTreeMap<Arc<str>, Refusal>,
}

/// The objects in use before, by the keys that may have changed.
type Before = BTreeMap<ConfigKey, Option<AnyConfig>>;

/// The contents of a file: mostly one object, so lists take a fraction of the memory of maps.
#[derive(Debug, Default)]
struct Record {
    /// In the order of their keys, each key once.
    objects: Vec<Held>,
    diagnostics: Vec<Diagnostic>,
    unread: Unread,
}

#[derive(Debug)]
struct Held {
    object: AnyConfig,
    /// Whether the object was read before and is kept.
    kept: bool,
    /// Whether it lacks parts that its errors cost.
    partial: bool,
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

    /// The objects in use, in the order of their keys.
    pub fn objects(&self) -> impl Iterator<Item = &AnyConfig> {
        self.holders.keys().filter_map(|key| self.in_use(key))
    }

    /// Whether a file is empty: no object, nothing else, and nothing wrong.
    pub(crate) fn is_bare(&self, file: &str) -> bool {
        let bare = |record: &Record| {
            record.objects.is_empty() && record.unread.is_empty() && record.diagnostics.is_empty()
        };
        self.files.get(file).is_none_or(bare)
    }

    /// Replaces all files; returns the changes.
    pub fn update(&mut self, snapshot: Snapshot) -> Changes {
        let Snapshot { files, unreadable, refused } = snapshot;
        let unseen = |path: &str| {
            let mut places = unreadable.keys().chain(refused.keys());
            places.any(|place| is_under(place, path)) || refused.contains_key(path)
        };
        let is_gone = |path: &Arc<str>| !files.contains_key(path) && !unseen(path);
        let gone: Vec<_> = self.files.keys().filter(|path| is_gone(path)).cloned().collect();
        (self.unreadable, self.refused) = (unreadable, refused);
        let gone = gone.into_iter().map(|path| (path, None));
        self.update_files(gone.chain(files.into_iter().map(|(path, state)| (path, Some(state)))))
    }

    /// Replaces some files, `None` for those that are gone; the others stay. The cost depends on these files alone.
    pub fn update_files(
        &mut self,
        files: impl IntoIterator<Item = (Arc<str>, Option<FileState>)>,
    ) -> Changes {
        let mut before = Before::new();
        for (path, state) in files {
            if state != Some(FileState::Unchanged) {
                self.replace(&path, state, &mut before);
            }
        }
        let changed = before.into_iter().filter_map(|(key, old)| self.change(key, old.as_ref()));
        Changes { batch: changed.collect(), diagnostics: self.diagnostics() }
    }

    fn replace(&mut self, path: &Arc<str>, state: Option<FileState>, before: &mut Before) {
        let old = self.files.get(path).map_or(&[][..], |record| &record.objects);
        let old: Vec<_> = old.iter().map(Held::key).cloned().collect();
        for key in &old {
            self.note(key, before);
        }
        let record = self.files.remove(path).unwrap_or_default();
        for key in &old {
            self.let_go(key, path);
        }
        self.found.remove(path);
        let Some(state) = state else { return };
        let record = read(path, state, record);
        for held in &record.objects {
            self.note(held.key(), before);
            self.hold(held.key(), path);
        }
        if !record.diagnostics.is_empty() || !record.unread.is_empty() {
            self.found.insert(path.clone());
        }
        self.files.insert(path.clone(), record);
    }

    /// Records the version in use before it changes.
    fn note(&self, key: &ConfigKey, before: &mut Before) {
        if !before.contains_key(key) {
            before.insert(key.clone(), self.in_use(key).cloned());
        }
    }

    fn hold(&mut self, key: &ConfigKey, path: &Arc<str>) {
        let Some(holder) = self.holders.get(key) else {
            self.holders.insert(key.clone(), path.clone());
            return;
        };
        let rivals = self.rivals.entry(key.clone()).or_insert_with(|| [holder.clone()].into());
        rivals.insert(path.clone());
    }

    fn let_go(&mut self, key: &ConfigKey, path: &Arc<str>) {
        let Some(rivals) = self.rivals.get_mut(key) else {
            self.holders.remove(key);
            return;
        };
        rivals.remove(path);
        let Some(holder) = rivals.first().cloned() else { return };
        if rivals.len() == 1 {
            self.rivals.remove(key);
        }
        self.holders.insert(key.clone(), holder);
    }

    fn held(&self, key: &ConfigKey, path: &str) -> Option<&Held> {
        let objects = &self.files.get(path)?.objects;
        let at = objects.binary_search_by(|held| held.key().cmp(key)).ok()?;
        Some(&objects[at])
    }

    /// The object that wins.
    fn in_use(&self, key: &ConfigKey) -> Option<&AnyConfig> {
        let held = match self.rivals.get(key) {
            None => self.held(key, self.holders.get(key)?),
            Some(paths) => {
                let mut all = paths.iter().filter_map(|path| self.held(key, path));
                let first = all.clone().next();
                all.find(|held| !held.kept).or(first)
            }
        };
        held.map(|held| &held.object)
    }

    /// The change of an object; `None` if it is the same at the same place. An equal object in another place changes
    /// nothing that is derived from it, but findings name its new place.
    fn change(&self, key: ConfigKey, old: Option<&AnyConfig>) -> Option<Change> {
        match (old, self.in_use(&key)) {
            (None, None) => None,
            (Some(_), None) => Some(Change::Delete(key)),
            (Some(old), Some(new)) if old == new && old.read_from() == new.read_from() => None,
            (_, Some(new)) => Some(Change::Set(new.clone())),
        }
    }

    /// All findings about the files.
    fn diagnostics(&self) -> Vec<Diagnostic> {
        let found = self.found.iter().filter_map(|path| self.files.get(path));
        let (mut all, mut unread) = (Vec::new(), Unread::default());
        for record in found {
            all.extend_from_slice(&record.diagnostics);
            unread.merge(record.unread.clone());
        }
        all.extend(unread.findings());
        all.extend(self.rivals.iter().flat_map(|(key, paths)| self.duplicates(key, paths)));
        all.extend(self.unreadable.iter().map(|(path, reason)| unreadable_finding(path, reason)));
        all.extend(self.refused.iter().filter_map(|(path, refusal)| refusal_finding(path, refusal)));
        all.sort_by(|a, b| a.position.cmp(&b.position).then_with(|| a.cmp(b)));
        all
    }

    /// A finding for each file whose version of an object is not used.
    fn duplicates(&self, key: &ConfigKey, paths: &BTreeSet<Arc<str>>) -> Vec<Diagnostic> {
        let mut held = paths.iter().filter_map(|path| self.held(key, path));
        let Some(mut winner) = held.next() else { return Vec::new() };
        let losers = held.map(|mut next| {
            if winner.kept && !next.kept {
                std::mem::swap(&mut winner, &mut next);
            }
            not_used(&next.object, &winner.object)
        });
        losers.collect()
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
    let any_object_may_be_hidden = decoded.broken_documents > 0
        || decoded.unread.has_documents()
        || decoded.diagnostics.iter().any(nameless);
    let mut record = Record { diagnostics: decoded.diagnostics, unread: decoded.unread, ..Record::default() };
    let mut objects: BTreeMap<ConfigKey, Held> = BTreeMap::new();
    for object in decoded.objects {
        match objects.entry(object.key().clone()) {
            Entry::Vacant(vacant) => {
                let partial = decoded.partial.contains(object.key());
                vacant.insert(Held { object, kept: false, partial });
            }
            Entry::Occupied(winner) => {
                record.diagnostics.push(not_used(&object, &winner.get().object));
            }
        }
    }
    for held in before.objects {
        let is_kept = match objects.get(held.key()) {
            None => any_object_may_be_hidden || decoded.rejected.contains(held.key()),
            // A mistake in an edit changes nothing. A partial object is used only where there is no better version.
            Some(new) => new.partial && !held.partial,
        };
        if is_kept {
            objects.insert(held.key().clone(), record.keep(path, held));
        }
    }
    record.objects = objects.into_values().collect();
    record
}

impl Record {
    /// Reports that an earlier version of an object is kept.
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

fn refusal_finding(path: &Arc<str>, refusal: &Refusal) -> Option<Diagnostic> {
    let (code, text, help) = match refusal {
        Refusal::Link(target) => (
            Code::LinkRefused,
            format!("the link leads out of the directory, to {target}, and is not followed"),
            "put what it leads to into the directory, or set source.linksOutside if all who write here may read that",
        ),
        Refusal::Bound(bound) => (
            Code::TooManyFiles,
            format!("there is more than is read: {bound}"),
            "remove what is not configuration, or raise source.maxFiles or source.maxBytes",
        ),
        Refusal::Unrendered => return None,
    };
    let on = Subject::File(path.clone());
    let mut finding = Diagnostic::new(Severity::Error, on, code, FieldPath::root(), text);
    finding.help(help);
    finding.position = Some(Location { file: path.clone(), line: 1, column: 1 });
    Some(finding)
}

/// The finding about a definition that is not used.
fn not_used(loser: &AnyConfig, winner: &AnyConfig) -> Diagnostic {
    let mut finding = duplicate(loser, winner, "");
    if finding.severity == Severity::Error {
        finding.help("remove one of them; `kubectl apply` takes the last");
    }
    finding
}

#[cfg(test)]
mod tests;
