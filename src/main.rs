//! The `destiler` binary.

fn main() {}
