//! Programs of the user's, as a teacher or a validator: which of their files a hash pins, and how everything they started is known.
//! What is the same for both; starting and ending them is theirs.

use std::fmt::Write;

use sha2::{Digest, Sha256};

/// The variable that marks a program and everything it starts, also what leaves its group and session.
pub const MARK: &str = "DESTILER_PLUGIN";

/// Whether an environment, as Linux shows it, carries that mark.
pub fn is_marked(environment: &[u8], mark: &str) -> bool {
    let mut variables = environment.split(|byte| *byte == 0);
    variables.any(|variable| {
        let value = variable
            .strip_prefix(MARK.as_bytes())
            .and_then(|rest| rest.strip_prefix(b"="));
        value == Some(mark.as_bytes())
    })
}

/// The word of a command that a hash pins: the first argument that is a file, else the program itself.
pub fn pinned<'a>(command: &'a [String], is_file: &dyn Fn(&str) -> bool) -> Result<&'a str, String> {
    let (program, arguments) = command.split_first().ok_or("the command is empty")?;
    let script = arguments.iter().find(|word| is_file(word));
    script
        .or_else(|| Some(program).filter(|program| is_file(program)))
        .map(String::as_str)
        .ok_or_else(|| "sha256 pins a file, but no word of the command is one".to_owned())
}

/// Whether a file is what it was when its hash was written down.
pub fn check_pin(file: &str, bytes: &[u8], sha256: &str) -> Result<(), String> {
    let mut found = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        // Writing into a string cannot fail.
        let _ = write!(found, "{byte:02x}");
    }
    if found.eq_ignore_ascii_case(sha256.trim()) {
        return Ok(());
    }
    Err(format!(
        "`{file}` is not the file that sha256 names; look at what changed, then write sha256 = \"{found}\""
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_a_whole_variable() {
        let environment = b"PATH=/bin\0DESTILER_PLUGIN=1-2\0LANG=C\0";
        assert!(is_marked(environment, "1-2"));
        for other in ["1", "1-22", "C", ""] {
            assert!(!is_marked(environment, other), "{other}");
        }
        assert!(!is_marked(b"NOT_DESTILER_PLUGIN=1-2", "1-2"));
    }

    #[test]
    fn the_script_is_pinned_rather_than_its_interpreter() {
        let words = |text: &str| -> Vec<String> { text.split(' ').map(str::to_owned).collect() };
        let is_file = |word: &str| word.contains('.');
        assert_eq!(pinned(&words("python3 -u a.py b.json"), &is_file), Ok("a.py"));
        assert_eq!(pinned(&words("./a.sh --fast"), &is_file), Ok("./a.sh"));
        assert!(pinned(&words("a --fast"), &is_file).is_err());
        assert!(pinned(&[], &is_file).is_err());
    }

    #[test]
    fn a_changed_file_is_told_with_its_new_hash() {
        let empty = "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855";
        assert_eq!(check_pin("a.py", b"", empty), Ok(()));
        let problem = check_pin("a.py", b"x", empty).unwrap_err();
        assert!(
            problem.contains("a.py") && problem.contains("2d711642b726b044"),
            "{problem}"
        );
    }
}
