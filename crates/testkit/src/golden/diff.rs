//! A line diff for people.

use std::fmt::Write as _;

/// Unchanged lines shown around a change.
const CONTEXT: usize = 3;
/// Above this many cells of the comparison table the changed region is shown whole, old above new.
const TABLE_CELLS: usize = 4_000_000;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Line<'a> {
    Same(&'a str),
    Old(&'a str),
    New(&'a str),
}

/// What it takes to get from `old` to `new`: `-` lines go, `+` lines come.
pub(super) fn diff(old: &str, new: &str) -> String {
    let (old, new): (Vec<_>, Vec<_>) = (old.lines().collect(), new.lines().collect());
    let lines = lines(&old, &new);
    let shown = shown(&lines);
    let mut text = String::new();
    let mut skipped = false;
    for (line, shown) in lines.iter().zip(shown) {
        if !shown {
            skipped = true;
            continue;
        }
        if std::mem::take(&mut skipped) {
            text.push_str("  ...\n");
        }
        let (mark, content) = match line {
            Line::Same(content) => (' ', content),
            Line::Old(content) => ('-', content),
            Line::New(content) => ('+', content),
        };
        writeln!(text, "{mark} {content}").expect("writing to a String does not fail");
    }
    if text.is_empty() {
        text.push_str("only line ends differ\n");
    }
    text
}

fn lines<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<Line<'a>> {
    let start = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let (old_rest, new_rest) = (&old[start..], &new[start..]);
    let end = old_rest.iter().rev().zip(new_rest.iter().rev()).take_while(|(a, b)| a == b).count();
    let (old_middle, tail) = old_rest.split_at(old_rest.len() - end);
    let new_middle = &new_rest[..new_rest.len() - end];
    let mut lines: Vec<_> = old[..start].iter().map(|line| Line::Same(line)).collect();
    lines.extend(middle(old_middle, new_middle));
    lines.extend(tail.iter().map(|line| Line::Same(line)));
    lines
}

/// The longest common subsequence, by the table of all prefixes.
fn middle<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<Line<'a>> {
    let gone = |lines: &[&'a str]| lines.iter().map(|line| Line::Old(line)).collect::<Vec<_>>();
    let come = |lines: &[&'a str]| lines.iter().map(|line| Line::New(line)).collect::<Vec<_>>();
    let width = new.len() + 1;
    if (old.len() + 1) * width > TABLE_CELLS {
        return [gone(old), come(new)].concat();
    }
    // common[i * width + j]: the length of the common subsequence of old[i..] and new[j..].
    let mut common = vec![0_u32; (old.len() + 1) * width];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            common[i * width + j] = if old[i] == new[j] {
                common[(i + 1) * width + j + 1] + 1
            } else {
                common[(i + 1) * width + j].max(common[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut lines = Vec::new();
    while i < old.len() && j < new.len() {
        if old[i] == new[j] {
            lines.push(Line::Same(old[i]));
            i += 1;
            j += 1;
        } else if common[(i + 1) * width + j] >= common[i * width + j + 1] {
            lines.push(Line::Old(old[i]));
            i += 1;
        } else {
            lines.push(Line::New(new[j]));
            j += 1;
        }
    }
    lines.extend(gone(&old[i..]));
    lines.extend(come(&new[j..]));
    lines
}

/// Which lines are shown: changes and the lines around them.
fn shown(lines: &[Line<'_>]) -> Vec<bool> {
    let mut shown = vec![false; lines.len()];
    for (i, line) in lines.iter().enumerate() {
        if !matches!(line, Line::Same(_)) {
            let from = i.saturating_sub(CONTEXT);
            let to = (i + CONTEXT + 1).min(lines.len());
            shown[from..to].fill(true);
        }
    }
    shown
}
