//! The person's own editor on a private copy of a text. It has the terminal while it runs; taking that back is its caller's.

use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use crate::tui::message::Edit;

/// Said when an editor was left without a change.
pub(crate) const UNCHANGED: &str = "Unchanged: the editor saved nothing new";

/// Largest text taken back.
const LARGEST: u64 = 16 << 20;

/// Runs `command` (a program and its arguments) on a copy of the text in `scratch`, and waits for its end.
pub(super) async fn edit(command: Option<String>, scratch: PathBuf, edit: Edit) -> Result<String, String> {
    let Some(command) = command else {
        return Err("No editor was found: set EDITOR".to_owned());
    };
    let copy = Copy::create(&scratch, &edit)
        .map_err(|error| format!("No copy for the editor in {}: {error}", scratch.display()))?;
    match start(&command, &copy.0).await {
        Ok(status) if status.success() => {}
        Ok(_) => return Err("The editor ended with an error: nothing is changed".to_owned()),
        Err(error) => return Err(format!("Cannot start `{command}`: {error}")),
    }
    match copy.read() {
        Ok(text) if text == edit.text => Err(UNCHANGED.to_owned()),
        Ok(text) => Ok(text),
        Err(error) => Err(format!("The edited text cannot be read: {error}")),
    }
}

/// Runs `command` on the file itself, and waits for its end. There need not be a file yet.
pub(super) async fn open(command: Option<String>, path: PathBuf) -> Result<String, String> {
    let Some(command) = command else {
        return Err("No editor was found: set EDITOR".to_owned());
    };
    if let Some(directory) = path.parent() {
        let made = std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory);
        made.map_err(|error| format!("{}: {error}", directory.display()))?;
    }
    match start(&command, &path).await {
        Ok(status) if status.success() => Ok(String::new()),
        Ok(_) => Err(format!("`{command}` ended with an error")),
        Err(error) => Err(format!("Cannot start `{command}`: {error}")),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "one of the few places that start a program: the editor the person chose, in our own process group as it has our terminal"
)]
async fn start(command: &str, path: &Path) -> io::Result<ExitStatus> {
    let mut words = command.split_whitespace();
    tokio::process::Command::new(words.next().unwrap_or("vi"))
        .args(words)
        .arg(path)
        .kill_on_drop(true)
        .status()
        .await
}

/// A file only its owner can read; it goes when this does.
struct Copy(PathBuf);

#[expect(
    clippy::disallowed_methods,
    reason = "the editor's copy: written once, read once with a limit, and ours to remove"
)]
impl Copy {
    fn create(scratch: &Path, edit: &Edit) -> io::Result<Self> {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(scratch)?;
        let name = format!("screen-{}.{}", std::process::id(), edit.extension);
        let path = scratch.join(name);
        // One of a process that died with the same number.
        let _ = std::fs::remove_file(&path);
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        let copy = Self(path);
        file.write_all(edit.text.as_bytes())?;
        Ok(copy)
    }

    fn read(&self) -> io::Result<String> {
        let size = std::fs::metadata(&self.0)?.len();
        if size > LARGEST {
            return Err(io::Error::other(format!("{size} bytes are too many")));
        }
        std::fs::read_to_string(&self.0)
    }
}

impl Drop for Copy {
    #[expect(clippy::disallowed_methods, reason = "the editor's copy is ours")]
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "tests look at the files")]
mod tests {
    use super::*;

    async fn edited(command: &str) -> Result<String, String> {
        let scratch = tempfile::tempdir().unwrap();
        let text = Edit {
            text: "a banana\n".to_owned(),
            extension: "md",
        };
        let result = edit(Some(command.to_owned()), scratch.path().to_path_buf(), text).await;
        assert_eq!(
            std::fs::read_dir(scratch.path()).unwrap().count(),
            0,
            "a copy stayed behind"
        );
        result
    }

    #[tokio::test]
    async fn what_the_editor_saved_comes_back() {
        assert_eq!(edited("sed -i s/a/b/").await.unwrap(), "b banana\n");
    }

    #[tokio::test]
    async fn whatever_goes_wrong_changes_nothing_and_says_why() {
        assert_eq!(edited("true").await.unwrap_err(), UNCHANGED);
        assert!(edited("false").await.unwrap_err().contains("error"));
        assert!(
            edited("/no/such/editor")
                .await
                .unwrap_err()
                .starts_with("Cannot start")
        );
    }
}
