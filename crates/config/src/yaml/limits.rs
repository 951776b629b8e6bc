//! Limits that keep any input cheap to reject. Real objects stay far below: the API server takes at most 1.5 MiB.

/// Maximum size of a file in bytes.
pub const FILE_BYTES: usize = 64 << 20;

/// Maximum size of a document in bytes.
pub const DOCUMENT_BYTES: usize = 8 << 20;

/// Maximum nesting of lists and mappings.
pub const DEPTH: usize = 100;

/// Maximum number of values in a document.
pub const NODES: usize = 500_000;

/// Maximum number of values in a document that come from aliases.
pub const ALIAS_NODES: usize = 50_000;

/// Maximum size that anchors and aliases add to a document, in multiples of its own: a small document stays small. A
/// name has a few bytes more than its text.
pub const ALIAS_FACTOR: usize = 16;

/// Maximum number of bytes that anchors and aliases add to a document, whatever its size.
pub const ALIAS_BYTES: usize = DOCUMENT_BYTES;

/// Maximum number of findings about the text of a document.
pub const FINDINGS: usize = 1000;
