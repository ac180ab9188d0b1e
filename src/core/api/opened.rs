//! How the database was opened: for writing, for reading only, or not at all.

use super::Failure;

/// How the database stands.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Opened {
    /// Another instance writes, so this one only reads.
    pub held_by: Option<String>,
    /// Why it is only read, although nobody else writes.
    pub read_only: Option<String>,
    /// Why it is not open. What is asked then is answered as if it were empty.
    pub closed: Option<Failure>,
    /// It is not open, but could be read.
    pub readable: bool,
}
