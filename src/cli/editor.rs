//! The user's editor on a temporary copy. What was typed is never lost: the copy goes away only when its text is safe elsewhere.

use std::path::{Path, PathBuf};

use tokio::fs;
use tokio::io::AsyncWriteExt;

use super::Surroundings;
use super::output::Ending;
use crate::core::api::{Failure, FailureKind};

/// A copy that was in the editor.
pub(super) struct Edited {
    /// Its text now.
    pub text: String,
    path: PathBuf,
}

impl Edited {
    /// The text is safe: the copy can go.
    pub async fn discard(self) {
        // A copy that stays behind in the temporary directory harms nobody.
        let _ = fs::remove_file(&self.path).await;
    }

    /// The text was refused: says where it is kept and how to bring it in.
    pub fn refused(&self, mut failure: Failure, command: &str) -> Failure {
        let path = self.path.display();
        failure.help = Some(format!(
            "your text is kept in {path}; mend it and run: {command} --file {path}"
        ));
        failure
    }
}

/// Opens a copy of the text in the editor. `None`: the user changed nothing.
pub(super) async fn edit(
    surroundings: &Surroundings,
    name: &str,
    text: &str,
) -> Result<Option<Edited>, Ending> {
    let Some(editor) = &surroundings.editor else {
        return Err(Ending::usage(
            "no editor is set",
            "set EDITOR, or give the new text with --file",
        ));
    };
    let path = surroundings
        .scratch
        .join(format!("destiler-{}-{name}", std::process::id()));
    write_private(&path, text)
        .await
        .map_err(|error| trouble(&path, "write", &error))?;
    let mut words = editor.split_whitespace();
    let program = words.next().unwrap_or("vi");
    let status = tokio::process::Command::new(program)
        .args(words)
        .arg(&path)
        .status()
        .await;
    let edited = Edited {
        text: fs::read_to_string(&path)
            .await
            .map_err(|error| trouble(&path, "read", &error))?,
        path,
    };
    match status {
        Ok(status) if status.success() => {}
        Ok(_) => {
            edited.discard().await;
            return Err(Failure::new(
                FailureKind::Unexpected,
                "the editor ended with an error: nothing is changed",
            )
            .into());
        }
        Err(error) => {
            edited.discard().await;
            return Err(
                Failure::new(FailureKind::Usage, format!("cannot start `{editor}`"))
                    .because(error.to_string())
                    .help("set EDITOR, or give the new text with --file")
                    .into(),
            );
        }
    }
    if edited.text == text {
        edited.discard().await;
        return Ok(None);
    }
    Ok(Some(edited))
}

/// The text of a file the user named; `-` is not meant here.
pub(super) async fn read(path: &Path) -> Result<String, Ending> {
    fs::read_to_string(path)
        .await
        .map_err(|error| trouble(path, "read", &error))
}

/// Creates a file nobody else can read. One that is there already is not touched.
async fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    options.mode(0o600);
    let mut file = options.open(path).await?;
    file.write_all(text.as_bytes()).await?;
    file.flush().await
}

/// A file that cannot be read or written.
pub(super) fn trouble(path: &Path, verb: &str, error: &std::io::Error) -> Ending {
    let kind = if error.kind() == std::io::ErrorKind::NotFound {
        FailureKind::NotFound
    } else {
        FailureKind::Unexpected
    };
    Failure::new(kind, format!("cannot {verb} {}", path.display()))
        .because(error.to_string())
        .into()
}
