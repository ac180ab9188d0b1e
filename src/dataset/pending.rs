//! A file of its own (an export): written beside its place, synced, and renamed there, so that no half-written file bears its name.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::files::{Replacement, sync_directory};
use crate::core::failpoint::{self, Failpoint};
use crate::core::ports::{DatasetError, PendingFile};

/// Bytes gathered before they reach the file.
const BUFFER: usize = 256 * 1024;

struct Pending {
    file: BufWriter<Replacement>,
    directory: PathBuf,
}

/// Starts the file. Its directory must exist; a file already there is replaced at the end.
pub(super) fn create(path: &Path) -> io::Result<Box<dyn PendingFile>> {
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

fn other(error: &DatasetError) -> io::Error {
    io::Error::other(error.to_string())
}
