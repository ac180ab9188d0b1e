//! Containers an export may have besides JSON lines, told by the file's name: `.csv` and `.parquet`. Rows are gathered as JSON lines
//! beside the place first, since both need to know all columns before the first row: memory stays flat, the disk holds both for a while.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::files::{self, Replacement, beside, sync_directory};
use super::pending::other;
use crate::core::Row;
use crate::core::ports::{DatasetError, PendingFile};

mod columns;
mod csv;
mod levels;
mod parquet;

/// Bytes gathered before they reach a file.
const BUFFER: usize = 256 * 1024;

/// Writes a container from rows that can be read as often as need be.
type Pack = fn(&Rows, &mut BufWriter<Replacement>) -> io::Result<()>;

/// How a file of that name is packed; `None`: JSON lines as they are.
fn packed(path: &Path) -> Option<Pack> {
    let extension = path.extension()?.to_str()?.to_ascii_lowercase();
    match extension.as_str() {
        "csv" => Some(csv::write),
        "parquet" => Some(parquet::write),
        _ => None,
    }
}

/// Starts a container at that path, if its name asks for one.
pub(super) fn create(path: &Path) -> Option<io::Result<Box<dyn PendingFile>>> {
    let pack = packed(path)?;
    let mut name = path.file_name()?.to_owned();
    name.push(".rows");
    let start = |path: PathBuf| Replacement::start(path).map_err(|error| other(&error));
    Some(start(path.with_file_name(name)).map(|rows| {
        let file: Box<dyn PendingFile> = Box::new(Container {
            rows: BufWriter::with_capacity(BUFFER, rows),
            path: path.to_path_buf(),
            pack,
        });
        file
    }))
}

struct Container {
    rows: BufWriter<Replacement>,
    path: PathBuf,
    pack: Pack,
}

impl PendingFile for Container {
    fn writer(&mut self) -> &mut (dyn Write + Send) {
        &mut self.rows
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.rows.flush()?;
        let lost = |error: DatasetError| other(&error);
        let target = Replacement::start(self.path.clone()).map_err(lost)?;
        let mut target = BufWriter::with_capacity(BUFFER, target);
        (self.pack)(&Rows(beside(self.rows.get_ref().target())), &mut target)?;
        let target = target.into_inner().map_err(io::IntoInnerError::into_error)?;
        target.sync(0).map_err(lost)?;
        target.replace().map_err(lost)?;
        let directory = self.path.parent().filter(|parent| !parent.as_os_str().is_empty());
        sync_directory(directory.unwrap_or(Path::new("."))).map_err(lost)
    }
}

/// The gathered rows.
struct Rows(PathBuf);

impl Rows {
    /// Reads them from the first on, a line at a time.
    fn each(&self, mut with: impl FnMut(Row, usize) -> io::Result<()>) -> io::Result<()> {
        let file: File = files::open(&self.0).map_err(|error| other(&error))?;
        let mut reader = BufReader::with_capacity(BUFFER, file);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line)? > 0 {
            with(serde_json::from_slice(&line)?, line.len())?;
            line.clear();
        }
        Ok(())
    }
}
