//! Limits that keep any input cheap to refuse. Real objects stay far below: the API server takes at most 1.5 MiB.

/// Most bytes of a file.
pub const FILE_BYTES: usize = 64 << 20;

/// Most bytes of a document.
pub const DOCUMENT_BYTES: usize = 8 << 20;

/// Deepest nesting of lists and mappings.
pub const DEPTH: usize = 100;

/// Most values of a document.
pub const NODES: usize = 500_000;

/// Most values of a document that come from aliases.
pub const ALIAS_NODES: usize = 50_000;

/// Most bytes that anchors and aliases add to a document, in multiples of its own: what a small document may become
/// is small. A name has a few bytes more than its text.
pub const ALIAS_FACTOR: usize = 16;

/// Most bytes that anchors and aliases add to a document, whatever its size.
pub const ALIAS_BYTES: usize = DOCUMENT_BYTES;

/// Most findings about the text of a document.
pub const FINDINGS: usize = 1000;
