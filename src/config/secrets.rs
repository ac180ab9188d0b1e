//! Finding a key where its source says. Keys are only read, never written, and no error repeats what was found.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::fs::OFlags;
use secrecy::SecretString;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};

use super::load::Variables;
use crate::core::settings::KeySource;

/// Longest a command may take.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(30);
/// Most of a file or of a command's output that is read.
const BYTES_MAX: u64 = 64 * 1024;

/// Why there is no key, with what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// The variable is missing or empty.
    #[error(
        "the environment variable {0} is not set; set it to the key, for example in your shell's profile"
    )]
    NoVariable(String),
    /// The file cannot be used as it is.
    #[error("{file}: {what}", file = .file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What is wrong and what to do.
        what: String,
    },
    /// The command gave none.
    #[error("the key's command `{program}` {what}")]
    Command {
        /// The program, without its arguments.
        program: String,
        /// What happened and what to do.
        what: String,
    },
    /// What was found cannot be a key.
    #[error("what {0} gives is no key: it is empty, or holds blanks or control characters")]
    Unusable(String),
}

/// Reads the key. Files and commands give their first line.
pub async fn resolve(source: &KeySource, variables: &Variables) -> Result<SecretString, SecretError> {
    match source {
        KeySource::Env(name) => match variables.get(name).filter(|value| !value.trim().is_empty()) {
            Some(value) => key(value, name),
            None => Err(SecretError::NoVariable(name.clone())),
        },
        KeySource::File(path) => {
            let path = path.clone();
            tokio::task::spawn_blocking(move || from_file(&path))
                .await
                .unwrap_or_else(|_| Err(SecretError::Unusable("the key's file".to_owned())))
        }
        KeySource::Command(words) => from_command(words, COMMAND_TIMEOUT).await,
    }
}

/// The first line, trimmed, if it can stand in a header.
fn key(text: &str, origin: &str) -> Result<SecretString, SecretError> {
    let line = text
        .trim_start_matches('\u{feff}')
        .lines()
        .next()
        .unwrap_or_default()
        .trim();
    if line.is_empty() || !line.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(SecretError::Unusable(origin.to_owned()));
    }
    Ok(SecretString::from(line.to_owned()))
}

fn from_file(path: &Path) -> Result<SecretString, SecretError> {
    let fault = |what: String| SecretError::File {
        file: path.to_owned(),
        what,
    };
    if std::fs::symlink_metadata(path).is_ok_and(|about| about.file_type().is_symlink()) {
        return Err(fault("is a link; name the file it leads to".to_owned()));
    }
    let file = OpenOptions::new()
        .read(true)
        .custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed())
        .open(path)
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                fault("does not exist; put the key into it and set its mode to 0600".to_owned())
            }
            _ => fault(format!("cannot be read: {error}")),
        })?;
    check_access(&file).map_err(fault)?;
    let mut bytes = Vec::new();
    file.take(BYTES_MAX)
        .read_to_end(&mut bytes)
        .map_err(|error| fault(format!("cannot be read: {error}")))?;
    key(&String::from_utf8_lossy(&bytes), &path.display().to_string())
}

/// A regular file that nobody but its owner, who is the user, can open.
fn check_access(file: &File) -> Result<(), String> {
    let about = file
        .metadata()
        .map_err(|error| format!("cannot be read: {error}"))?;
    if !about.is_file() {
        return Err("is no regular file".to_owned());
    }
    if about.mode() & 0o077 != 0 {
        let mode = about.mode() & 0o777;
        return Err(format!(
            "has mode {mode:04o}, so others may read the key; run: chmod 600 on it"
        ));
    }
    let user = rustix::process::geteuid().as_raw();
    if about.uid() != user && about.uid() != 0 {
        return Err("belongs to another user".to_owned());
    }
    Ok(())
}

async fn from_command(words: &[String], timeout: Duration) -> Result<SecretString, SecretError> {
    let Some((program, arguments)) = words.split_first() else {
        return Err(SecretError::Unusable("an empty command".to_owned()));
    };
    let fault = |what: String| SecretError::Command {
        program: program.clone(),
        what,
    };
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| fault(format!("cannot be started: {error}")))?;
    let Ok(outcome) = tokio::time::timeout(timeout, output(&mut child)).await else {
        end(&child);
        return Err(fault(format!(
            "gave no key within {} s; try it in a shell",
            timeout.as_secs()
        )));
    };
    let (bytes, success) = outcome.map_err(|error| fault(format!("broke off: {error}")))?;
    if !success {
        return Err(fault("failed; try it in a shell".to_owned()));
    }
    key(
        &String::from_utf8_lossy(&bytes),
        &format!("the key's command `{program}`"),
    )
}

/// What the command wrote, and whether it succeeded. A grandchild that keeps the pipe open is not waited for.
async fn output(child: &mut Child) -> std::io::Result<(Vec<u8>, bool)> {
    let mut bytes = Vec::new();
    let Some(stdout) = child.stdout.take() else {
        return Ok((bytes, child.wait().await?.success()));
    };
    let mut stdout = stdout.take(BYTES_MAX);
    let ended = {
        let reading = stdout.read_to_end(&mut bytes);
        tokio::pin!(reading);
        tokio::select! {
            read = &mut reading => read.map(|_| None)?,
            status = child.wait() => {
                // What is in the pipe already is read; more will not come from the command itself.
                let _ = tokio::time::timeout(Duration::from_millis(200), &mut reading).await;
                Some(status?)
            }
        }
    };
    // A command that goes on writing past the limit must not wait for a reader.
    drop(stdout);
    let status = match ended {
        Some(status) => status,
        None => child.wait().await?,
    };
    Ok((bytes, status.success()))
}

/// Ends the command and what it started.
fn end(child: &Child) {
    let group = child
        .id()
        .and_then(|id| i32::try_from(id).ok())
        .and_then(rustix::process::Pid::from_raw);
    if let Some(group) = group {
        // It may have ended in the meantime.
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn shell(script: &str) -> Vec<String> {
        ["sh", "-c", script].map(str::to_owned).to_vec()
    }

    #[tokio::test]
    async fn a_command_gives_its_first_line() {
        let found = from_command(&shell("printf 'the-key\\r\\nuser: x\\n'"), COMMAND_TIMEOUT).await;
        assert_eq!(found.unwrap().expose_secret(), "the-key");
    }

    #[tokio::test]
    async fn a_command_that_hangs_is_ended_with_all_it_started() {
        let words = shell("sleep 1000 & echo $! > \"$0\"; wait");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pid");
        let mut words = words;
        words.push(file.to_string_lossy().into_owned());
        let error = from_command(&words, Duration::from_millis(700))
            .await
            .unwrap_err();
        assert!(error.to_string().contains("gave no key within"), "{error}");
        let pid: i32 = std::fs::read_to_string(file).unwrap().trim().parse().unwrap();
        for _ in 0..100 {
            let alive = rustix::process::Pid::from_raw(pid).map(rustix::process::test_kill_process);
            let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            if alive != Some(Ok(())) || state.contains(") Z ") {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the sleeping grandchild is still there");
    }

    #[tokio::test]
    async fn a_grandchild_that_keeps_the_pipe_open_is_not_waited_for() {
        let found = from_command(&shell("sleep 20 & echo the-key"), Duration::from_secs(10)).await;
        assert_eq!(found.unwrap().expose_secret(), "the-key");
    }

    #[tokio::test]
    async fn a_command_that_fails_or_floods_is_told_without_its_output() {
        for (script, words) in [
            ("echo CANARY; exit 3", "failed"),
            ("true", "no key"),
            ("echo 'CANARY two words'", "no key"),
            ("head -c 1000000 /dev/zero", "`sh`"),
        ] {
            let error = from_command(&shell(script), COMMAND_TIMEOUT).await.unwrap_err();
            let text = format!("{error} {error:?}");
            assert!(
                text.contains(words) && !text.contains("CANARY"),
                "{script}: {text}"
            );
        }
        let missing = from_command(&["/no/such/program".to_owned()], COMMAND_TIMEOUT).await;
        assert!(missing.unwrap_err().to_string().contains("cannot be started"));
    }
}
