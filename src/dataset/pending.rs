//! A file of its own. An export is written beside its place, synced, and renamed there, so that no half-written file bears its name;
//! somebody's rows are opened to be looked at.

use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use super::containers;
use super::files::{self, Replacement, sync_directory};
use crate::core::Row;
use crate::core::failpoint::{self, Failpoint};
use crate::core::ports::{DatasetError, DatasetLines, LintedFile, PendingFile};

/// Bytes gathered before they reach the file.
const BUFFER: usize = 256 * 1024;

/// Bytes of a `dataset_info.json` that are read.
const DESCRIPTION_BYTES_MAX: u64 = 4 * 1024 * 1024;

struct Pending {
    file: BufWriter<Replacement>,
    directory: PathBuf,
}

/// Starts the file. Its directory must exist; a file already there is replaced at the end.
/// `.csv` and `.parquet` are containers of the rows that are written.
pub(super) fn create(path: &Path) -> io::Result<Box<dyn PendingFile>> {
    if let Some(container) = containers::create(path) {
        return container;
    }
    let replacement = Replacement::start(path.to_path_buf()).map_err(|error| other(&error))?;
    let directory = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
        .to_path_buf();
    Ok(Box::new(Pending {
        file: BufWriter::with_capacity(BUFFER, replacement),
        directory,
    }))
}

/// Opens a file of rows, or standard input for `-`; links are not followed.
pub(super) fn open(path: &Path) -> io::Result<DatasetLines> {
    if path == Path::new("-") {
        return Ok(DatasetLines {
            reader: Box::new(BufReader::with_capacity(BUFFER, io::stdin())),
            about: LintedFile::default(),
        });
    }
    let file = files::open(path).map_err(|error| other(&error))?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    Ok(DatasetLines {
        reader: Box::new(BufReader::with_capacity(BUFFER, file)),
        about: LintedFile {
            described: name.as_deref().is_some_and(|name| is_described(path, name)),
            name,
        },
    })
}

/// Whether a `dataset_info.json` beside the file has an entry that names it.
fn is_described(path: &Path, name: &str) -> bool {
    let mut text = String::new();
    let read = files::open(&path.with_file_name("dataset_info.json"))
        .ok()
        .and_then(|file| file.take(DESCRIPTION_BYTES_MAX).read_to_string(&mut text).ok());
    let entries = read.and_then(|_| serde_json::from_str::<Row>(&text).ok());
    entries.is_some_and(|entries| {
        let mut names = entries
            .values()
            .filter_map(|entry| entry.get("file_name")?.as_str());
        names.any(|known| known == name)
    })
}

impl PendingFile for Pending {
    fn writer(&mut self) -> &mut (dyn Write + Send) {
        &mut self.file
    }

    fn finish(self: Box<Self>) -> io::Result<()> {
        let replacement = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        replacement.sync(0).map_err(|error| other(&error))?;
        failpoint::reach(Failpoint::ExportSynced).map_err(io::Error::other)?;
        let directory = self.directory;
        replacement.replace().map_err(|error| other(&error))?;
        sync_directory(&directory).map_err(|error| other(&error))
    }
}

pub(super) fn other(error: &DatasetError) -> io::Error {
    io::Error::other(error.to_string())
}
