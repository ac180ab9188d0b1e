//! `init`: a commented configuration and a sample job, written once and never over something else.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use tokio::fs;
use tokio::io::AsyncWriteExt;

use super::exit;
use super::output::{Ending, Outcome, Output};

const JSON: &str = "With --json one object: {\"files\":[\"destiler.toml\",\"…\"]}";

/// Where to write.
#[derive(Debug, Clone, Args)]
#[command(after_long_help = JSON)]
pub struct InitArguments {
    /// The directory; the current one unless told
    #[arg(default_value = ".")]
    pub dir: PathBuf,
}

/// Writes the files (paths relative to the directory); if one of them is there already, none is written.
pub(super) async fn run(
    arguments: &InitArguments,
    files: &[(PathBuf, String)],
    out: &mut Output,
) -> Outcome {
    let mut written = Vec::new();
    for (path, _) in files {
        let path = arguments.dir.join(path);
        if fs::try_exists(&path).await.unwrap_or(true) {
            return Err(Ending::usage(
                format!("{} is there already: nothing was written", path.display()),
                "move it away, or name another directory: destiler init DIR",
            ));
        }
        written.push(path);
    }
    for (path, (_, text)) in written.iter().zip(files) {
        create(path, text)
            .await
            .map_err(|error| super::editor::trouble(path, "write", &error))?;
        out.say(format!("wrote {}", path.display()));
    }
    if let Some(job) = written.iter().find(|path| !path.ends_with("destiler.toml")) {
        let job = job.display();
        out.say(format!(
            "next: `destiler check {job}`, then `destiler run {job}`"
        ));
    }
    if out.json {
        out.json(&json!({ "files": written }))?;
    }
    Ok(exit::OK)
}

async fn create(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).await?;
    }
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .await?;
    file.write_all(text.as_bytes()).await?;
    file.flush().await
}
