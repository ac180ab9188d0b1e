//! Bad input: what is said, with line and next step; nothing panics, nothing is lost.
