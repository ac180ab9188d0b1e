//! `init`: a commented configuration and a sample job, written once and never over something else.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::output::{Ending, Outcome, Output};
use super::{exit, files};

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
pub(super) async fn run(arguments: &InitArguments, files: &[(PathBuf, String)], out: &mut Output) -> Outcome {
    let mut written = Vec::new();
    for (path, _) in files {
        let path = if arguments.dir == Path::new(".") {
            path.clone()
        } else {
            arguments.dir.join(path)
        };
        if files::exists(&path).await {
            return Err(Ending::usage(
                format!("{} is there already: nothing was written", path.display()),
                "move it away, or name another directory: destiler init DIR",
            ));
        }
        written.push(path);
    }
    for (path, (_, text)) in written.iter().zip(files) {
        files::create(path, text, false).await?;
        out.say(format!("wrote {}", path.display()));
    }
    if let Some(job) = written.iter().find(|path| !path.ends_with("destiler.toml")) {
        let job = job.display();
        out.say(format!("next: `destiler check {job}`, then `destiler run {job}`"));
    }
    if out.json {
        out.json(&json!({ "files": written }))?;
    }
    Ok(exit::OK)
}
