//! Which files of a crate need which, and whether some need each other in a circle.
//!
//! A file needs another if it names something that the other defines. That another hands a name on (`pub use`) makes no
//! difference: who names it needs the file that defines it, and who only hands it on needs nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use regex::Regex;

use fairlead_tidy::{
    files::{self, File},
    findings::Findings,
    rust::Source,
    workspace,
};

static HANDED_ON: LazyLock<Regex> = LazyLock::new(|| regex(r"\bpub(?:\([^)]*\))?\s+use\s[^;]*;"));
static USE: LazyLock<Regex> = LazyLock::new(|| regex(r"\buse\s[^;]*;"));
static MODULE: LazyLock<Regex> = LazyLock::new(|| regex(r"\bmod\s+\w+;"));

fn regex(text: &str) -> Regex {
    Regex::new(text).expect("a valid expression")
}

#[test]
fn files_of_a_crate_do_not_need_each_other_in_a_circle() {
    let mut findings = Findings::new("move what both need into a file below them");
    let sources = files::rust_sources();
    for name in workspace::crates().keys() {
        if let Some(circle) = Modules::of_crate(name, &sources).circle() {
            findings.add(name, circle.join(" needs "));
        }
    }
    findings.conclude();
}

/// The modules of a crate that are files, by path (`decode::manifest`; empty for the root), with their code.
#[derive(Debug, Default)]
struct Modules(BTreeMap<String, Module>);

#[derive(Debug)]
struct Module {
    /// The code without tests and without what is handed on.
    code: String,
    /// What is handed on.
    handed_on: Vec<Import>,
    /// That, and what is imported: names that are found here, though others define them.
    known: Vec<Import>,
}

#[derive(Debug)]
struct Import {
    path: String,
    /// The name that it has here; `*` for all.
    name: String,
}

impl Modules {
    /// The modules of the crate `name`, without those that only tests have.
    fn of_crate(name: &str, sources: &[File]) -> Self {
        let root = format!("crates/{name}/src/");
        let mut modules = Self::default();
        for file in sources.iter().filter(|file| !file.is_test) {
            let Some(path) = file.path.strip_prefix(&root).and_then(|path| path.strip_suffix(".rs")) else {
                continue;
            };
            if path != "main" && !path.starts_with("bin/") {
                modules.add(if path == "lib" { "" } else { path }, &file.text());
            }
        }
        modules
    }

    /// Adds the module of the file at `path`, without the extension.
    fn add(&mut self, path: &str, text: &str) {
        let code = Source::parse(text).code;
        let code = code.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let declared =
            |what: &Regex| imports(&what.find_iter(code).map(|found| found.as_str()).collect::<String>());
        let (handed_on, known) = (declared(&HANDED_ON), declared(&USE));
        let code = MODULE.replace_all(&HANDED_ON.replace_all(code, ""), "").into_owned();
        self.0.insert(path.replace('/', "::"), Module { code, handed_on, known });
    }

    /// A circle, as the modules on it with the first one once more at the end; none if there is none.
    fn circle(&self) -> Option<Vec<String>> {
        let mut left: BTreeMap<&str, BTreeSet<&str>> =
            self.0.keys().map(|module| (module.as_str(), self.needs(module))).collect();
        loop {
            let before = left.len();
            let known: BTreeSet<&str> = left.keys().copied().collect();
            left.retain(|_, needs| needs.iter().any(|needed| known.contains(needed)));
            if left.len() == before {
                break;
            }
        }
        // Each that is left needs another that is left.
        let mut next = *left.keys().next()?;
        let mut way = Vec::new();
        while !way.contains(&next) {
            way.push(next);
            next = left[next].iter().find(|needed| left.contains_key(*needed))?;
        }
        let circle = way.into_iter().skip_while(|module| *module != next).chain([next]);
        Some(circle.map(str::to_owned).collect())
    }

    /// The modules that `module` needs.
    fn needs(&self, module: &str) -> BTreeSet<&str> {
        let Module { code, handed_on, .. } = &self.0[module];
        let own_use = handed_on.iter().filter(|import| words(code).any(|word| word == import.name));
        let named = paths(code);
        let needed = named.iter().chain(own_use.map(|import| &import.path)).filter_map(|path| {
            let (base, rest) = self.start(module, path)?;
            self.definer(&base, &rest, 0)
        });
        needed.filter(|needed| *needed != module).collect()
    }

    /// The module that a path in `module` starts from, and the rest; none if it leads out of the crate.
    fn start<'p>(&self, module: &str, path: &'p str) -> Option<(String, Vec<&'p str>)> {
        let mut rest: Vec<&str> = path.split("::").collect();
        let mut base = module;
        match rest[0] {
            "crate" => base = "",
            "self" => {}
            "super" => {
                let up = rest.iter().take_while(|part| **part == "super").count();
                (0..up).for_each(|_| base = parent(base));
                rest.drain(1..up);
            }
            first if self.0.contains_key(&child(module, first)) => return Some((module.to_owned(), rest)),
            _ => return None,
        }
        rest.remove(0);
        Some((base.to_owned(), rest))
    }

    /// The module that defines what `path` in `base` names.
    fn definer(&self, base: &str, path: &[&str], depth: usize) -> Option<&str> {
        const MOST_STEPS: usize = 16;
        let (base, module) = self.0.get_key_value(base)?;
        let Some(name) = path.first().filter(|name| **name != "*") else { return Some(base) };
        let below = child(base, name);
        if self.0.contains_key(&below) {
            return self.definer(&below, &path[1..], depth);
        }
        let further = |import: &Import| {
            let (from, mut rest) = self.start(base, &import.path)?;
            if import.name == "*" {
                rest.pop();
                rest.push(name);
            }
            rest.extend(&path[1..]);
            let found = self.definer(&from, &rest, depth + 1)?;
            (import.name == *name || defines(&self.0[found].code, name)).then_some(found)
        };
        let mut known = module.known.iter().filter(|import| [*name, "*"].contains(&&*import.name));
        let found = if depth < MOST_STEPS { known.find_map(further) } else { None };
        Some(found.unwrap_or(base))
    }
}

fn paths(code: &str) -> Vec<String> {
    let source = Source { code: code.to_owned(), strings: Vec::new() };
    source.paths().into_iter().map(|(_, path)| path).filter(|path| path.contains("::")).collect()
}

fn imports(declarations: &str) -> Vec<Import> {
    const AS: &str = "__as__";
    let import = |path: String| match path.split_once(AS) {
        Some((path, name)) => Import { path: path.to_owned(), name: name.to_owned() },
        None => Import { name: last(&path).to_owned(), path },
    };
    paths(&declarations.replace(" as ", AS)).into_iter().map(import).collect()
}

fn child(module: &str, name: &str) -> String {
    if module.is_empty() { name.to_owned() } else { format!("{module}::{name}") }
}

fn parent(module: &str) -> &str {
    module.rsplit_once("::").map_or("", |(parent, _)| parent)
}

fn last(path: &str) -> &str {
    path.rsplit("::").next().unwrap_or(path)
}

fn words(code: &str) -> impl Iterator<Item = &str> {
    code.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

/// Whether the code defines `name`.
fn defines(code: &str, name: &str) -> bool {
    const KEYWORDS: [&str; 8] = ["struct", "enum", "fn", "trait", "type", "const", "static", "mod"];
    let words: Vec<&str> = words(code).collect();
    words.windows(2).any(|pair| KEYWORDS.contains(&pair[0]) && pair[1] == name)
}

mod tests;
