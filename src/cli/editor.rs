//! The user's editor on a temporary copy. What was typed is never lost: the copy goes away only when its text is safe elsewhere.

use std::path::PathBuf;

use super::output::Ending;
use super::{Surroundings, files};
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
        files::discard(&self.path).await;
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
    files::create(&path, text, true).await?;
    let mut words = editor.split_whitespace();
    let program = words.next().unwrap_or("vi");
    let status = tokio::process::Command::new(program)
        .args(words)
        .arg(&path)
        .status()
        .await;
    let edited = Edited {
        text: files::read(&path).await?,
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
