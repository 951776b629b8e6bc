//! `exportTo`: in which namespaces an object is visible.

use std::collections::BTreeSet;

use crate::{Code, Diagnostics, path, printable::shown, syntax};

/// Checks the entries.
pub(super) fn check(export_to: &[String], found: &mut Diagnostics) {
    check_entries(export_to, false, found);
}

/// Checks the entries for an object that may also be visible nowhere: `~`.
pub(super) fn check_or_none(export_to: &[String], found: &mut Diagnostics) {
    check_entries(export_to, true, found);
}

fn check_entries(export_to: &[String], none_is_allowed: bool, found: &mut Diagnostics) {
    let mut seen = BTreeSet::new();
    for (index, entry) in export_to.iter().enumerate() {
        let path = path!("exportTo"[index]);
        if !seen.insert(entry) {
            let text = format!("`{}` appears twice", shown(entry));
            found.error(Code::BadExportTo, path, text).help("remove one");
        } else if entry == "*" {
            if export_to.len() > 1 {
                let text = "`*` stands beside other entries";
                found.error(Code::BadExportTo, path, text).help("`*` alone already means every namespace");
            }
        } else if entry == "~" && none_is_allowed {
            if export_to.len() > 1 {
                let text = "`~` stands beside other entries";
                found.error(Code::BadExportTo, path, text).help("`~` alone means no namespace");
            }
        } else if entry != "."
            && let Err(why) = syntax::label(entry)
        {
            let text = format!("`{}` is not a namespace: {why}", shown(entry));
            found.error(Code::BadExportTo, path, text).help("write `.`, `*` or the name of a namespace");
        }
    }
}
