//! Where a job comes from, as written on the command line: a file, a name, or standard input.

use std::path::{Path, PathBuf};

use super::output::{Ending, Output};
use crate::core::api::JobSource;

/// Whether the word names a stored or bundled job. Names have neither dots nor slashes, so `./x` is always a file.
pub(super) fn is_name(word: &str) -> bool {
    word != "-" && !is_file(word)
}

fn is_file(word: &str) -> bool {
    word.contains(['/', '\\'])
        || Path::new(word)
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("toml"))
}

/// The source that the word means; `-` reads standard input, with paths relative to the current directory.
pub(super) async fn read(word: &str, out: &mut Output) -> Result<JobSource, Ending> {
    if word == "-" {
        return Ok(JobSource::Text {
            source: out.read_all().await?,
            base: PathBuf::from("."),
        });
    }
    Ok(if is_file(word) {
        JobSource::File(PathBuf::from(word))
    } else {
        JobSource::Name(word.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_a_file_a_name_or_stdin() {
        for file in ["a.toml", "A.TOML", "./a", "jobs/a", "..\\a"] {
            assert!(!is_name(file), "{file}");
        }
        for name in ["quickstart", "gsm8k-reasoning", "toml"] {
            assert!(is_name(name), "{name}");
        }
        assert!(!is_name("-"));
    }
}
