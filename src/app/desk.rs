//! The files of somebody who writes a job: drafts in the state directory, seed files below a directory, job files written out.

#![expect(
    clippy::disallowed_methods,
    reason = "drafts are read and replaced here: written beside, synced, renamed; seed files are listed"
)]

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::UNIX_EPOCH;

use crate::core::ports::Desk;

/// Drafts that are listed, and files to choose from.
const LISTED: usize = 5_000;
/// Directories below the first that are looked into.
const DEPTH: usize = 4;
/// Longest draft that is read.
const DRAFT_AT_MOST: u64 = 16 << 20;

/// Drafts below one directory.
pub(super) struct FileDesk {
    drafts: PathBuf,
    /// Held while a draft is written: a slow disk may still have the one before.
    writing: Mutex<()>,
}

impl FileDesk {
    /// The desk whose drafts lie there. Nothing is made before there is something to save.
    pub(super) fn new(drafts: PathBuf) -> Self {
        Self {
            drafts,
            writing: Mutex::default(),
        }
    }

    fn path(&self, id: &str) -> PathBuf {
        self.drafts.join(format!("{id}.toml"))
    }
}

impl Desk for FileDesk {
    fn drafts(&self) -> io::Result<Vec<(String, String, i64)>> {
        let entries = match fs::read_dir(&self.drafts) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut drafts = Vec::new();
        for entry in entries.flatten().take(LISTED) {
            let path = entry.path();
            let Some(id) = path.file_stem().and_then(|stem| stem.to_str()) else {
                continue;
            };
            let about = entry.metadata()?;
            if path.extension().is_none_or(|extension| extension != "toml")
                || !about.is_file()
                || about.len() > DRAFT_AT_MOST
            {
                continue;
            }
            // One that cannot be read is no reason to hide the others.
            let Ok(text) = fs::read_to_string(&path) else {
                continue;
            };
            let changed = about.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
            drafts.push((
                id.to_owned(),
                text,
                i64::try_from(changed.as_millis()).unwrap_or_default(),
            ));
        }
        Ok(drafts)
    }

    fn save_draft(&self, id: &str, text: &str) -> io::Result<()> {
        let _one_at_a_time = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.drafts)?;
        let beside = self.drafts.join(format!(".{id}.{}.part", std::process::id()));
        let written = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&beside)
            .and_then(|mut file| {
                file.write_all(text.as_bytes())?;
                file.sync_all()
            })
            .and_then(|()| fs::rename(&beside, self.path(id)));
        if written.is_err() {
            // The error is what matters; the leftover is small and harmless.
            let _ = fs::remove_file(&beside);
        }
        written?;
        File::open(&self.drafts)?.sync_all()
    }

    fn drop_draft(&self, id: &str) -> io::Result<()> {
        let _one_at_a_time = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        match fs::remove_file(self.path(id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn files(&self, directory: &Path, extensions: &[String]) -> Vec<String> {
        let mut found = Vec::new();
        walk(directory, "", DEPTH, extensions, &mut found);
        found.sort();
        found
    }

    fn write_new(&self, path: &Path, text: &str) -> io::Result<()> {
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            fs::create_dir_all(parent)?;
        }
        let mut file = File::create_new(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    }
}

fn walk(directory: &Path, prefix: &str, depth: usize, extensions: &[String], found: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(directory) else {
        return;
    };
    for entry in entries.flatten() {
        if found.len() >= LISTED {
            return;
        }
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        // Hidden directories and build leavings hold no seeds.
        if name.starts_with('.') || matches!(name.as_str(), "target" | "node_modules") {
            continue;
        }
        let Ok(kind) = entry.file_type() else { continue };
        let path = format!("{prefix}{name}");
        if kind.is_dir() && depth > 0 {
            walk(&entry.path(), &format!("{path}/"), depth - 1, extensions, found);
        } else if !kind.is_dir()
            && Path::new(&name).extension().is_some_and(|extension| {
                let extension = extension.to_string_lossy().to_ascii_lowercase();
                extensions.contains(&extension)
            })
        {
            found.push(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_draft_is_saved_for_its_owner_alone_listed_and_dropped() {
        let root = tempfile::tempdir().unwrap();
        let drafts = root.path().join("state/drafts");
        let desk = FileDesk::new(drafts.clone());
        assert_eq!(desk.drafts().unwrap(), []);
        assert!(
            !drafts.exists(),
            "nothing is made before there is something to save"
        );
        desk.save_draft("d1", "one").unwrap();
        desk.save_draft("d1", "two").unwrap();
        let listed = desk.drafts().unwrap();
        assert_eq!((listed[0].0.as_str(), listed[0].1.as_str()), ("d1", "two"));
        assert!(listed[0].2 > 0);
        let mode = fs::metadata(drafts.join("d1.toml")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(&drafts).unwrap().count(), 1, "no leavings");
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| desk.save_draft("d1", "at the same time").unwrap());
            }
        });
        desk.drop_draft("d1").unwrap();
        desk.drop_draft("d1").unwrap();
        assert_eq!(desk.drafts().unwrap(), []);
    }

    #[test]
    fn files_are_found_by_extension_and_a_file_is_never_overwritten() {
        let root = tempfile::tempdir().unwrap();
        let desk = FileDesk::new(root.path().join("drafts"));
        for path in ["a.jsonl", "seeds/b.CSV", "seeds/c.png", ".git/d.jsonl"] {
            desk.write_new(&root.path().join(path), "x").unwrap();
        }
        let extensions = ["jsonl".to_owned(), "csv".to_owned()];
        assert_eq!(desk.files(root.path(), &extensions), ["a.jsonl", "seeds/b.CSV"]);
        let again = desk.write_new(&root.path().join("a.jsonl"), "y").unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
    }
}
