//! Rules about this repository that a compiler does not check.
//!
//! The rules themselves are the tests in `tests/it`: one named test for each, whose failure says what to do. This
//! library has what they share.
//!
//! | module | what it is |
//! |---|---|
//! | [`files`] | the files of the repository |
//! | [`rust`] | a Rust source split into code and string literals, without comments |
//! | [`markdown`] | tables, links and headings of a page |
//! | [`workspace`] | the crates and their dependencies, as cargo sees them |
//! | [`absences`] | what must not appear where |
//! | [`exceptions`] | every exception to a rule, with its reason |
//! | [`findings`] | what a rule found, and how it is reported |

pub mod absences;
pub mod exceptions;
pub mod files;
pub mod findings;
pub mod markdown;
pub mod rust;
pub mod workspace;
