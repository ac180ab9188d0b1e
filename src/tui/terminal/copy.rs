//! Copying: OSC 52 to the terminal, and always a file too, because nobody answers whether a terminal took it.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// Most bytes sent to a terminal; more are refused by some and only kept in the file.
const LONGEST: usize = 100_000;

/// The escape sequence that asks the terminal to put the text on its clipboard; inside tmux wrapped, so that it is passed on.
/// `None` where the text is too long for it.
pub(super) fn osc52(text: &str, tmux: bool) -> Option<String> {
    if text.len() > LONGEST {
        return None;
    }
    let plain = format!("\x1b]52;c;{}\x07", base64(text.as_bytes()));
    Some(if tmux {
        // Both ways: `set-clipboard on` reads the first, `allow-passthrough on` the second.
        format!("{plain}\x1bPtmux;{}\x1b\\", plain.replace('\x1b', "\x1b\x1b"))
    } else {
        plain
    })
}

/// What was done, after "Copied the sample".
pub(super) fn words(bytes: usize, sent: bool, tmux: bool, kept: &Path) -> String {
    let size = if bytes < 1000 {
        format!("{bytes} B")
    } else {
        format!("{:.1} kB", bytes as f64 / 1000.0)
    };
    let kept = kept.file_name().unwrap_or_default().display();
    match (sent, tmux) {
        (true, true) => format!("({size}) by OSC 52, which tmux may block, and into {kept}"),
        (true, false) => format!("({size}) by OSC 52 and into {kept}"),
        (false, _) => format!("({size}) into {kept} only: too long for the terminal"),
    }
}

/// Keeps the text in a file only its owner can read.
#[expect(
    clippy::disallowed_methods,
    reason = "the last copy: a private file that is written whole and replaces the one before"
)]
pub(super) fn keep(path: &Path, text: &str) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)?;
    }
    let part = path.with_extension(format!("{}.part", std::process::id()));
    let _ = std::fs::remove_file(&part);
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&part)?;
    file.write_all(text.as_bytes())?;
    std::fs::rename(&part, path)
}

/// RFC 4648 with padding.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = (0..3).fold(0_u32, |group, at| {
            group << 8 | u32::from(chunk.get(at).copied().unwrap_or(0))
        });
        for place in 0..4 {
            let letter = LETTERS[(group >> (18 - 6 * place) & 63) as usize];
            let letter = if place <= chunk.len() { letter } else { b'=' };
            let _ = out.write_char(char::from(letter));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_standard() {
        let cases = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foobar", "Zm9vYmFy"),
            ("ö", "w7Y="),
        ];
        for (plain, coded) in cases {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }

    #[test]
    fn inside_tmux_the_sequence_is_passed_on() {
        let wrapped = osc52("f", true).unwrap();
        assert!(
            wrapped.ends_with("\x1bPtmux;\x1b\x1b]52;c;Zg==\x07\x1b\\"),
            "{wrapped:?}"
        );
        assert_eq!(osc52("f", false).unwrap(), "\x1b]52;c;Zg==\x07");
        assert!(osc52(&"x".repeat(LONGEST + 1), false).is_none());
    }

    #[test]
    fn the_copy_is_private_and_replaced_whole() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("deep/last-copy.txt");
        keep(&path, "one").unwrap();
        keep(&path, "two").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "two");
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(
            words(1234, true, true, &path),
            "(1.2 kB) by OSC 52, which tmux may block, and into last-copy.txt"
        );
    }
}
