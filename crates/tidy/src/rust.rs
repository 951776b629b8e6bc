//! A Rust source split into code and string literals, without comments.
//!
//! Not a parser: enough of the lexical rules to know what is code, so that a rule does not mistake a word in a
//! comment for a use. Lines stay where they are.

/// A source without its comments.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// The code: comments and the contents of literals are blanked, line breaks are kept.
    pub code: String,
    /// The string literals, with the line each begins at.
    pub strings: Vec<(usize, String)>,
}

impl Source {
    /// Splits `text`.
    pub fn parse(text: &str) -> Self {
        let mut lexer = Lexer { chars: text.chars().collect(), at: 0, line: 1, out: Self::default() };
        lexer.run();
        lexer.out
    }

    /// The modules in other files that are declared for tests only.
    pub fn test_modules(&self) -> Vec<String> {
        let after = self.code.split("#[cfg(test)]").skip(1);
        let names = after.filter_map(|rest| {
            let declared = rest.trim_start();
            let (visibility, name) = declared.split(';').next()?.split_once("mod ")?;
            if !matches!(visibility, "" | "pub " | "pub(crate) " | "pub(super) ") {
                return None;
            }
            name.chars().all(is_word).then(|| name.to_owned())
        });
        names.collect()
    }

    /// Every path that the code names: those of `use` declarations expanded, and the others as written.
    /// With each, the line it is at.
    pub fn paths(&self) -> Vec<(usize, String)> {
        let mut paths = Vec::new();
        let mut rest = self.code.as_str();
        let mut line = 1;
        while let Some(found) = find_use(rest) {
            let (before, tail) = rest.split_at(found);
            plain_paths(before, line, &mut paths);
            line += before.matches('\n').count();
            let end = tail.find(';').unwrap_or(tail.len());
            let declaration = &tail[..end];
            for path in expand(declaration.trim_start_matches("use").trim()) {
                paths.push((line, path));
            }
            line += declaration.matches('\n').count();
            rest = &tail[end..];
        }
        plain_paths(rest, line, &mut paths);
        paths
    }
}

/// Where the next `use` declaration begins.
fn find_use(code: &str) -> Option<usize> {
    let mut from = 0;
    while let Some(found) = code[from..].find("use ").map(|offset| from + offset) {
        let before = code[..found].chars().next_back();
        // `use<'a>` in a return type has no space; a word that ends in `use` is not the keyword.
        if !before.is_some_and(is_word) {
            return Some(found);
        }
        from = found + 4;
    }
    None
}

/// `std::{env, fs::File as F}` → `std::env`, `std::fs::File`.
fn expand(tree: &str) -> Vec<String> {
    let tree = tree.trim();
    let Some(open) = tree.find('{') else {
        let path = tree.split(" as ").next().unwrap_or(tree);
        return vec![path.split_whitespace().collect::<String>()];
    };
    let prefix: String = tree[..open].split_whitespace().collect();
    let inner = tree[open + 1..].trim_end().trim_end_matches('}');
    // Exactly one closing brace belongs to this group; the others are put back.
    let closing = tree[open + 1..].trim_end().len() - inner.len();
    let inner = format!("{inner}{}", "}".repeat(closing.saturating_sub(1)));
    split_top_level(&inner)
        .into_iter()
        .filter(|part| !part.trim().is_empty())
        .flat_map(|part| expand(&part))
        .map(|path| {
            if path == "self" { prefix.trim_end_matches("::").to_owned() } else { format!("{prefix}{path}") }
        })
        .collect()
}

fn split_top_level(list: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut depth = 0_usize;
    for c in list.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        parts.last_mut().expect("begins with one part").push(c);
    }
    parts
}

/// Identifiers joined by `::`, as written.
fn plain_paths(code: &str, first_line: usize, paths: &mut Vec<(usize, String)>) {
    let mut line = first_line;
    let mut word = String::new();
    for c in code.chars().chain(['\n']) {
        if is_word(c) || c == ':' {
            word.push(c);
            continue;
        }
        let path = word.trim_matches(':');
        if !path.is_empty() {
            paths.push((line, path.to_owned()));
        }
        word.clear();
        if c == '\n' {
            line += 1;
        }
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

struct Lexer {
    chars: Vec<char>,
    at: usize,
    line: usize,
    out: Source,
}

impl Lexer {
    fn run(&mut self) {
        while let Some(c) = self.peek(0) {
            match c {
                '/' if self.peek(1) == Some('/') => self.line_comment(),
                '/' if self.peek(1) == Some('*') => self.block_comment(),
                '"' => self.string(),
                'r' if self.raw_hashes(1).is_some() && !self.after_word() => self.raw_string(1),
                'b' | 'c' if self.peek(1) == Some('"') && !self.after_word() => {
                    self.blank();
                    self.string();
                }
                'b' | 'c'
                    if self.peek(1) == Some('r') && self.raw_hashes(2).is_some() && !self.after_word() =>
                {
                    self.raw_string(2);
                }
                '\'' => self.quote(),
                _ => self.keep(),
            }
        }
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn after_word(&self) -> bool {
        self.at > 0 && is_word(self.chars[self.at - 1])
    }

    /// Copies the next character as code.
    fn keep(&mut self) {
        let c = self.chars[self.at];
        self.out.code.push(c);
        self.advance(c);
    }

    /// Blanks the next character; a line break stays.
    fn blank(&mut self) {
        let c = self.chars[self.at];
        self.out.code.push(if c == '\n' { '\n' } else { ' ' });
        self.advance(c);
    }

    fn advance(&mut self, c: char) {
        self.line += usize::from(c == '\n');
        self.at += 1;
    }

    fn line_comment(&mut self) {
        while self.peek(0).is_some_and(|c| c != '\n') {
            self.blank();
        }
    }

    fn block_comment(&mut self) {
        let mut depth = 0_usize;
        while self.at < self.chars.len() {
            match (self.peek(0), self.peek(1)) {
                (Some('/'), Some('*')) => depth += 1,
                (Some('*'), Some('/')) => depth -= 1,
                _ => {
                    self.blank();
                    continue;
                }
            }
            self.blank();
            self.blank();
            if depth == 0 {
                return;
            }
        }
    }

    fn string(&mut self) {
        let begins = self.line;
        let mut literal = String::new();
        self.blank();
        while let Some(c) = self.peek(0) {
            match c {
                '"' => break,
                '\\' => {
                    literal.push(c);
                    self.blank();
                }
                _ => {}
            }
            if let Some(c) = self.peek(0) {
                literal.push(c);
                self.blank();
            }
        }
        if self.peek(0).is_some() {
            self.blank();
        }
        self.out.strings.push((begins, literal));
    }

    /// The number of `#` of a raw string whose `#`s begin `ahead`; `None` if it is not one.
    fn raw_hashes(&self, ahead: usize) -> Option<usize> {
        let from = self.chars.get(self.at + ahead..)?;
        let hashes = from.iter().take_while(|&&c| c == '#').count();
        (self.peek(ahead + hashes) == Some('"')).then_some(hashes)
    }

    fn raw_string(&mut self, ahead: usize) {
        let hashes = self.raw_hashes(ahead).expect("the caller has looked");
        let begins = self.line;
        let mut literal = String::new();
        for _ in 0..=ahead + hashes {
            self.blank();
        }
        while let Some(c) = self.peek(0) {
            if c == '"' && (1..=hashes).all(|offset| self.peek(offset) == Some('#')) {
                break;
            }
            literal.push(c);
            self.blank();
        }
        for _ in 0..=hashes {
            if self.peek(0).is_some() {
                self.blank();
            }
        }
        self.out.strings.push((begins, literal));
    }

    /// A character literal, or a lifetime.
    fn quote(&mut self) {
        let is_literal = self.peek(1) == Some('\\') || self.peek(2) == Some('\'');
        if !is_literal {
            return self.keep();
        }
        self.blank();
        if self.peek(0) == Some('\\') {
            self.blank();
        }
        // The escaped character may itself be a quote.
        if self.peek(0).is_some() {
            self.blank();
        }
        while self.peek(0).is_some_and(|c| c != '\'') {
            self.blank();
        }
        if self.peek(0).is_some() {
            self.blank();
        }
    }
}

#[cfg(test)]
mod tests;
