//! Tables, links and headings of a page.

/// A link to a file of the repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its line.
    pub line: usize,
    /// What it points at, without the anchor; empty for the page itself.
    pub target: String,
    /// The anchor, if it has one.
    pub anchor: Option<String>,
}

/// The rows of the first table after `heading`, without the header: cells trimmed.
///
/// Returns no row if there is no such heading or no table before the next heading of its level or above.
pub fn table(page: &str, heading: &str) -> Vec<Vec<String>> {
    let level = heading.chars().take_while(|&c| c == '#').count();
    let below = page.lines().skip_while(|line| line.trim_end() != heading).skip(1);
    below
        .take_while(|line| !is_heading(line, level))
        .skip_while(|line| !line.starts_with('|'))
        .take_while(|line| line.starts_with('|'))
        .skip(2)
        .map(cells)
        .collect()
}

/// The first cell of every row of every table, header rows and rulers included.
pub fn first_cells(page: &str) -> Vec<(usize, String)> {
    text_lines(page)
        .filter(|(_, line)| line.starts_with('|'))
        .filter_map(|(number, line)| Some((number, cells(line).into_iter().next()?)))
        .collect()
}

/// The words in backticks of `cell`.
pub fn code_words(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// The headings of a page, without their `#`s.
pub fn headings(page: &str) -> Vec<(usize, &str)> {
    text_lines(page)
        .filter(|(_, line)| is_heading(line, 6))
        .map(|(number, line)| (number, line.trim_start_matches('#').trim()))
        .collect()
}

/// The anchors of the headings of a page.
pub fn anchors(page: &str) -> Vec<String> {
    headings(page).into_iter().map(|(_, heading)| slug(heading)).collect()
}

/// The inline links of a page to files of the repository.
pub fn local_links(page: &str) -> Vec<Link> {
    let mut links = Vec::new();
    for (line, text) in text_lines(page) {
        let prose = without_code(text);
        let mut rest = prose.as_str();
        while let Some(found) = rest.find("](") {
            rest = &rest[found + 2..];
            let Some(end) = rest.find(')') else { break };
            let target = rest[..end].split_whitespace().next().unwrap_or_default();
            if !target.contains("://") && !target.starts_with("mailto:") {
                let (path, anchor) = match target.split_once('#') {
                    Some((path, anchor)) => (path, Some(anchor.to_owned())),
                    None => (target, None),
                };
                links.push(Link { line, target: path.to_owned(), anchor });
            }
            rest = &rest[end..];
        }
    }
    links
}

/// The anchor that GitHub makes of a heading: lower case, punctuation dropped, spaces to hyphens.
fn slug(heading: &str) -> String {
    let kept = heading.to_lowercase();
    kept.chars()
        .filter(|&c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

/// Lines outside fenced blocks, numbered from one.
fn text_lines(page: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    page.lines().enumerate().filter_map(move |(index, line)| {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
            return None;
        }
        (!fenced).then_some((index + 1, line))
    })
}

fn is_heading(line: &str, level: usize) -> bool {
    let hashes = line.chars().take_while(|&c| c == '#').count();
    (1..=level).contains(&hashes) && line[hashes..].starts_with(' ')
}

fn cells(row: &str) -> Vec<String> {
    // `\|` is a bar inside a cell.
    let row = row.trim().trim_start_matches('|').trim_end_matches('|').replace("\\|", "\u{0}");
    row.split('|').map(|cell| cell.trim().replace('\u{0}', "|")).collect()
}

fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
