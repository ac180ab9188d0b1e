//! Shards: a part of a dataset as several files of so many rows each, named as hubs name them, `train-00002-of-00005.jsonl`. How many
//! there are is known only after the last row, so each is written under its number and gets its name at the end.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{files, pending};
use crate::core::ports::{DatasetError, PendingFile};

/// The name of a shard, from 0, out of so many. `part` may have a directory before it.
pub(super) fn name(part: &str, at: usize, of: usize, extension: &str) -> String {
    format!("{part}-{at:05}-of-{of:05}.{extension}")
}

/// Under which name a shard is written as long as nobody knows how many there are.
pub(super) fn growing(part: &str, at: usize, extension: &str) -> String {
    format!("{part}-{at:05}.{extension}")
}

/// The part a file belongs to, and which of its shards it is; `None`: it is no shard.
pub(super) fn of(file: &str) -> Option<(&str, usize)> {
    let (stem, _) = file.rsplit_once('.')?;
    let (rest, count) = stem.rsplit_once("-of-")?;
    let (part, at) = rest.rsplit_once('-')?;
    let number = |digits: &str| {
        let fits = digits.len() >= 5 && digits.bytes().all(|digit| digit.is_ascii_digit());
        fits.then(|| digits.parse().ok()).flatten()
    };
    let (at, count): (usize, usize) = (number(at)?, number(count)?);
    (at < count).then_some((part, at))
}

/// Removes what an interrupted rebuild left beside the files of these parts, whatever their number was to be.
pub(super) fn drop_unfinished(directory: &Path, parts: &[&str]) -> Result<(), DatasetError> {
    for name in files::names(directory)? {
        let Some(stem) = name.strip_suffix(".jsonl.tmp") else {
            continue;
        };
        let numbered = stem
            .rsplit_once('-')
            .filter(|(_, number)| number.len() >= 5 && number.bytes().all(|digit| digit.is_ascii_digit()));
        if parts.contains(&stem) || numbered.is_some_and(|(part, _)| parts.contains(&part)) {
            files::remove(&directory.join(name))?;
        }
    }
    Ok(())
}

/// Starts an export into shards. Each is written whole under a name that says `part`, and gets its own when all are.
pub(super) fn create(path: &Path, most: u64) -> io::Result<Box<dyn PendingFile>> {
    let extension = path
        .extension()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let stem = path
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let place = Place {
        directory: parent.unwrap_or(Path::new(".")).to_path_buf(),
        stem,
        extension: if extension.is_empty() {
            "jsonl".to_owned()
        } else {
            extension
        },
    };
    Ok(Box::new(Export {
        current: Some(pending::create(&place.growing(0))?),
        place,
        most,
        rows: 0,
        whole: Vec::new(),
    }))
}

/// Where the shards of an export go.
struct Place {
    directory: PathBuf,
    stem: String,
    extension: String,
}

impl Place {
    fn growing(&self, at: usize) -> PathBuf {
        self.directory
            .join(growing(&self.stem, at, &format!("part.{}", self.extension)))
    }

    /// A file of another set, beside which these would be read as one with it.
    fn other_set(&self, of: usize) -> io::Result<Option<String>> {
        let names = files::names(&self.directory).map_err(|error| pending::other(&error))?;
        let count = format!("-of-{of:05}.");
        let ours = |name: &String| {
            self::of(name).is_some_and(|(part, _)| part == self.stem)
                && Path::new(name)
                    .extension()
                    .is_some_and(|kind| *kind == *self.extension)
        };
        Ok(names
            .into_iter()
            .find(|name| ours(name) && !name.contains(&count)))
    }
}

/// Shards of an export on their way.
struct Export {
    place: Place,
    /// Most rows of a file.
    most: u64,
    /// Rows of the one that grows.
    rows: u64,
    current: Option<Box<dyn PendingFile>>,
    whole: Vec<PathBuf>,
}

impl Export {
    fn close(&mut self) -> io::Result<()> {
        let at = self.whole.len();
        if let Some(current) = self.current.take() {
            current.finish()?;
            self.whole.push(self.place.growing(at));
        }
        self.rows = 0;
        Ok(())
    }
}

impl Write for Export {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        if self.rows == self.most {
            self.close()?;
        }
        let current = match &mut self.current {
            Some(current) => current,
            none => none.insert(pending::create(&self.place.growing(self.whole.len()))?),
        };
        let mut end = bytes.len();
        for (at, _) in bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n') {
            self.rows += 1;
            if self.rows == self.most {
                end = at + 1;
                break;
            }
        }
        current.writer().write_all(&bytes[..end])?;
        Ok(end)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.current
            .as_mut()
            .map_or(Ok(()), |current| current.writer().flush())
    }
}

impl PendingFile for Export {
    fn writer(&mut self) -> &mut (dyn Write + Send) {
        self
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.close()?;
        let count = self.whole.len();
        if let Some(other) = self.place.other_set(count)? {
            let what = format!("{other} is of another set of shards: take that away, or choose another name");
            return Err(io::Error::other(what));
        }
        for (at, path) in std::mem::take(&mut self.whole).into_iter().enumerate() {
            let name = name(&self.place.stem, at, count, &self.place.extension);
            let moved = files::rename(&path, &self.place.directory.join(name));
            moved.map_err(|error| pending::other(&error))?;
        }
        files::sync_directory(&self.place.directory).map_err(|error| pending::other(&error))
    }
}

impl Drop for Export {
    fn drop(&mut self) {
        for path in &self.whole {
            // Best effort: the next export of that name writes over it.
            let _ = files::remove(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_known_by_its_name() {
        assert_eq!(name("train", 2, 5, "jsonl"), "train-00002-of-00005.jsonl");
        assert_eq!(of("train-00002-of-00005.jsonl"), Some(("train", 2)));
        assert_eq!(of("a-b-00000-of-00001.parquet"), Some(("a-b", 0)));
        for other in [
            "train.jsonl",
            "train-00002.jsonl",
            "train-2-of-5.jsonl",
            "train-00005-of-00005.jsonl",
        ] {
            assert_eq!(of(other), None, "{other}");
        }
    }
}
