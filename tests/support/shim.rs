//! Small libraries in C that stand before the system's own in a process of a test.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Compiles one into that directory.
pub fn compiled(directory: &Path, name: &str, source: &str) -> PathBuf {
    let (code, library) = (
        directory.join(format!("{name}.c")),
        directory.join(format!("{name}.so")),
    );
    std::fs::write(&code, source).unwrap();
    let ran = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .args([&library, &code])
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    library
}
