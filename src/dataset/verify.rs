//! Checking a dataset directory against its manifest: every byte hashed, every line parsed, every finding with its file and line.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use serde::de::IgnoredAny;
use sha2::{Digest, Sha256};

use super::files::{disk, hex, open};
use super::manifest::{Entry, Manifest, NAME};
use crate::core::Row;
use crate::core::ports::{DatasetError, VerifiedDataset};

/// Findings about single lines that are spelled out per file.
const LINES_SHOWN_MAX: u64 = 20;
/// Longest line that is read.
pub(super) const LINE_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Checks the directory. A directory that cannot be read is an error; everything else is a finding.
pub(super) fn verify(directory: &Path) -> Result<VerifiedDataset, DatasetError> {
    let present = names(directory)?;
    let mut verified = VerifiedDataset::default();
    let manifest = match Manifest::find(directory) {
        Ok(Some(manifest)) => manifest,
        Ok(None) => {
            let what = format!("{NAME} is missing: there is nothing to compare the files with");
            verified.findings.push(what);
            return Ok(verified);
        }
        Err(error) => {
            verified.findings.push(format!("{NAME} cannot be read: {error}"));
            return Ok(verified);
        }
    };
    verified.job.clone_from(&manifest.job);
    verified.ids_sha256.clone_from(&manifest.ids_sha256);
    if !manifest.finished {
        let what = format!("{NAME}: the dataset is not finished; run the job to its end");
        verified.findings.push(what);
        return Ok(verified);
    }
    for entry in &manifest.files {
        check_file(directory, entry, &mut verified);
    }
    if manifest.rows != manifest.files.iter().map(|entry| entry.rows).sum::<u64>() {
        let what = format!("{NAME}: its files do not add up to {} rows", manifest.rows);
        verified.findings.push(what);
    }
    for name in present {
        if Path::new(&name).extension().is_some_and(|kind| kind == "jsonl") && manifest.entry(&name).is_none()
        {
            let what =
                format!("{name}: not in {NAME}; a trainer that reads the whole directory would take it");
            verified.findings.push(what);
        }
    }
    Ok(verified)
}

#[expect(
    clippy::disallowed_methods,
    reason = "a dataset is verified by what lies in its directory"
)]
fn names(directory: &Path) -> Result<Vec<String>, DatasetError> {
    let unreadable = |error| {
        DatasetError::Setup(format!(
            "{} is no dataset directory: {error}",
            directory.display()
        ))
    };
    let mut names = Vec::new();
    for entry in fs::read_dir(directory).map_err(unreadable)? {
        names.push(
            entry
                .map_err(unreadable)?
                .file_name()
                .to_string_lossy()
                .into_owned(),
        );
    }
    names.sort();
    Ok(names)
}

fn check_file(directory: &Path, entry: &Entry, verified: &mut VerifiedDataset) {
    let path = directory.join(&entry.file);
    if path.file_name().is_none_or(|name| *name != *entry.file) {
        let what = format!("{NAME}: {:?} is no file name", entry.file);
        verified.findings.push(what);
        return;
    }
    let seen = open(&path).and_then(|file| {
        let mut reader = BufReader::with_capacity(256 * 1024, file);
        Seen::read(&entry.file, &mut reader).map_err(|error| disk(&path, &error))
    });
    let seen = match seen {
        Ok(seen) => seen,
        Err(error) => {
            verified
                .findings
                .push(format!("{}: cannot be read: {error}", entry.file));
            return;
        }
    };
    let file = &entry.file;
    verified.rows += seen.rows;
    verified.bytes += seen.bytes;
    verified.findings.extend(seen.findings);
    if seen.rows != entry.rows {
        let what = format!("{file}: {} rows, the manifest says {}", seen.rows, entry.rows);
        verified.findings.push(what);
    }
    if seen.bytes != entry.bytes {
        let what = format!("{file}: {} bytes, the manifest says {}", seen.bytes, entry.bytes);
        verified.findings.push(what);
    } else if seen.sha256 != entry.sha256 {
        let what = format!("{file}: changed since the manifest was written (SHA-256 differs)");
        verified.findings.push(what);
    }
}

/// What a file holds.
struct Seen {
    rows: u64,
    bytes: u64,
    sha256: String,
    findings: Vec<String>,
}

impl Seen {
    fn read(file: &str, reader: &mut impl BufRead) -> std::io::Result<Self> {
        let mut hasher = Sha256::new();
        let (mut rows, mut bytes, mut faults) = (0, 0, 0_u64);
        let mut findings = Vec::new();
        let mut line = Vec::new();
        loop {
            line.clear();
            let count = reader
                .by_ref()
                .take(LINE_BYTES_MAX)
                .read_until(b'\n', &mut line)?;
            if count == 0 {
                break;
            }
            rows += 1;
            bytes += count as u64;
            hasher.update(&line);
            if let Some(fault) = fault(&line) {
                faults += 1;
                if faults <= LINES_SHOWN_MAX {
                    findings.push(format!("{file}:{rows}: {fault}"));
                }
            }
        }
        if faults > LINES_SHOWN_MAX {
            findings.push(format!("{file}: {} more broken lines", faults - LINES_SHOWN_MAX));
        }
        Ok(Self {
            rows,
            bytes,
            sha256: hex(&hasher.finalize()),
            findings,
        })
    }
}

fn fault(line: &[u8]) -> Option<String> {
    let Some(text) = line.strip_suffix(b"\n") else {
        return Some("has no line feed at its end: the line is torn".to_owned());
    };
    if text.iter().all(u8::is_ascii_whitespace) {
        return Some("is blank".to_owned());
    }
    if serde_json::from_slice::<Row>(text).is_ok() {
        return None;
    }
    Some(match serde_json::from_slice::<IgnoredAny>(text) {
        Ok(_) => "is no JSON object".to_owned(),
        Err(error) => format!("is not valid JSON at column {}", error.column()),
    })
}
