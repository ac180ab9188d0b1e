//! The files that commands read and write at the user's word: job files, copies for the editor, `init`, reports with `-o`. The
//! ledger and the datasets are not among them.

#![expect(
    clippy::disallowed_methods,
    reason = "these are the files that commands read and write"
)]

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tokio::fs;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::output::Ending;
use crate::core::api::{Failure, FailureKind};

/// Most bytes of a text file we take in whole.
const MOST: u64 = 64 * 1024 * 1024;

/// The text of a file.
pub(super) async fn read(path: &Path) -> Result<String, Ending> {
    let whole = async {
        let mut text = String::new();
        let file = fs::File::open(path).await?;
        file.take(MOST + 1).read_to_string(&mut text).await?;
        if text.len() as u64 > MOST {
            return Err(io::Error::other("larger than 64 MiB"));
        }
        Ok(text)
    };
    whole.await.map_err(|error| trouble(path, "read", &error))
}

/// Whether something is there already; where that cannot be told, something is.
pub(super) async fn exists(path: &Path) -> bool {
    fs::try_exists(path).await.unwrap_or(true)
}

/// Creates a file with this text, and the directories above it. What is there already is not touched. A `private` file can be read
/// by its owner only.
pub(super) async fn create(path: &Path, text: &str, private: bool) -> Result<(), Ending> {
    let whole = async {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).await?;
        }
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        options.mode(if private { 0o600 } else { 0o666 });
        let mut file = options.open(path).await?;
        file.write_all(text.as_bytes()).await?;
        file.flush().await
    };
    whole.await.map_err(|error| trouble(path, "write", &error))
}

/// Removes a copy of ours. One that stays behind harms nobody.
pub(super) async fn discard(path: &Path) {
    let _ = fs::remove_file(path).await;
}

/// A file that appears whole or not at all: written beside its place, synced, renamed.
pub(super) struct Whole {
    part: PathBuf,
    path: PathBuf,
    file: io::BufWriter<std::fs::File>,
}

impl Whole {
    /// Begins to write.
    pub async fn begin(path: &Path) -> Result<Self, Ending> {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{}.part", std::process::id()));
        let part = PathBuf::from(name);
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        // Rows hold prompts and answers.
        #[cfg(unix)]
        options.mode(0o600);
        let file = options
            .open(&part)
            .await
            .map_err(|error| trouble(&part, "write", &error))?;
        Ok(Self {
            file: io::BufWriter::new(file.into_std().await),
            path: path.to_owned(),
            part,
        })
    }

    /// Where the bytes go.
    pub fn writer(&mut self) -> &mut (dyn Write + Send) {
        &mut self.file
    }

    /// Puts the file in its place.
    pub async fn finish(mut self) -> Result<(), Ending> {
        let written = self.file.flush().and_then(|()| self.file.get_ref().sync_all());
        let placed = match written {
            Ok(()) => fs::rename(&self.part, &self.path).await,
            Err(error) => Err(error),
        };
        if let Err(error) = placed {
            discard(&self.part).await;
            return Err(trouble(&self.path, "write", &error));
        }
        Ok(())
    }

    /// Forgets it.
    pub async fn abandon(self) {
        discard(&self.part).await;
    }
}

/// A file that cannot be read or written.
fn trouble(path: &Path, verb: &str, error: &io::Error) -> Ending {
    let kind = if error.kind() == io::ErrorKind::NotFound {
        FailureKind::NotFound
    } else {
        FailureKind::Unexpected
    };
    Failure::new(kind, format!("cannot {verb} {}", path.display()))
        .because(error.to_string())
        .into()
}
