//! Strings that become a part of a path or an authority.

use fairlead_api::{HttpRedirect, HttpRewrite};

use crate::{Code, Diagnostics, FieldPath, substitution};

/// Whether Envoy accepts a redirect.
pub fn can_redirect(redirect: &HttpRedirect) -> bool {
    of_several_lines(of_redirect(redirect)).next().is_none()
}

/// Whether Envoy accepts a rewrite.
pub fn can_rewrite(rewrite: &HttpRewrite) -> bool {
    of_several_lines(of_rewrite(rewrite)).next().is_none() && check_substitution(rewrite).is_ok()
}

type Texts<'a> = [(&'static str, &'a Option<String>); 3];

fn of_redirect(redirect: &HttpRedirect) -> Texts<'_> {
    [("uri", &redirect.uri), ("prefixRewrite", &redirect.prefix_rewrite), ("authority", &redirect.authority)]
}

fn of_rewrite(rewrite: &HttpRewrite) -> Texts<'_> {
    [("uri", &rewrite.uri), ("authority", &rewrite.authority), ("", &None)]
}

/// The fields with a line break, for which Envoy rejects the whole route table.
fn of_several_lines(texts: Texts<'_>) -> impl Iterator<Item = &'static str> {
    let has_break =
        |text: &Option<String>| text.as_ref().is_some_and(|text| text.contains(['\r', '\n', '\0']));
    texts.into_iter().filter(move |(_, text)| has_break(text)).map(|(field, _)| field)
}

fn check_substitution(rewrite: &HttpRewrite) -> Result<(), String> {
    let Some(regex) = &rewrite.uri_regex_rewrite else { return Ok(()) };
    substitution::check(
        regex.pattern.as_deref().unwrap_or_default(),
        regex.rewrite.as_deref().unwrap_or_default(),
    )
}

/// Reports why a redirect costs its route.
pub(super) fn check_redirect(redirect: &HttpRedirect, path: &FieldPath, found: &mut Diagnostics) {
    check_lines(of_redirect(redirect), path, found);
}

/// Reports why a rewrite costs its route.
pub(super) fn check_rewrite(rewrite: &HttpRewrite, path: &FieldPath, found: &mut Diagnostics) {
    check_lines(of_rewrite(rewrite), path, found);
    if let Err(why) = check_substitution(rewrite) {
        let text = format!("{why}; the route is left out");
        let path = path.clone().field("uriRegexRewrite").field("rewrite");
        found.error(Code::BadRewrite, path, text).help("write \\1 for the first group");
    }
}

fn check_lines(texts: Texts<'_>, path: &FieldPath, found: &mut Diagnostics) {
    for field in of_several_lines(texts) {
        let text = "the text contains a line break; the route is left out";
        let finding = found.error(Code::BadRewrite, path.clone().field(field), text);
        finding.help("remove the line break (`>-` in YAML)");
    }
}
