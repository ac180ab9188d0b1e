//! Numbered lines of UTF-8 text from any reader, with a bound on their length. Byte order marks and both kinds of line ends are
//! taken off here and nowhere else.

use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use super::{ROW_BYTES_MAX, open_file, problem};
use crate::core::ports::SeedError;

/// Bytes read from the file at once.
const BUFFER_BYTES: usize = 64 * 1024;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// An iterator over `(line from 1, text without its end)`.
pub(super) struct Lines {
    reader: Box<dyn BufRead + Send>,
    path: PathBuf,
    line: u64,
    longest: usize,
    ended: bool,
}

impl Lines {
    /// The lines of a file, or of standard input for `-`.
    pub(super) fn open(path: &Path) -> Result<Self, SeedError> {
        let reader: Box<dyn BufRead + Send> = if path == Path::new("-") {
            Box::new(BufReader::with_capacity(BUFFER_BYTES, io::stdin()))
        } else {
            Box::new(BufReader::with_capacity(BUFFER_BYTES, open_file(path)?))
        };
        Ok(Self::new(reader, path, ROW_BYTES_MAX))
    }

    /// The lines of a text; `name` stands in errors.
    pub(super) fn of_text(name: &str, text: &'static str) -> Self {
        Self::new(Box::new(text.as_bytes()), Path::new(name), ROW_BYTES_MAX)
    }

    fn new(reader: Box<dyn BufRead + Send>, path: &Path, longest: usize) -> Self {
        Self {
            reader,
            path: path.to_owned(),
            line: 0,
            longest,
            ended: false,
        }
    }

    /// An error at that line of this file.
    pub(super) fn problem(&self, line: u64, what: &str, help: &str) -> SeedError {
        problem(&self.path, line, what, help)
    }

    /// The line that was read last.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// Whether nothing more is read.
    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    fn read(&mut self) -> Result<Option<String>, SeedError> {
        let mut bytes = Vec::new();
        let most = self.longest as u64 + 2;
        let read = (&mut self.reader).take(most).read_until(b'\n', &mut bytes);
        self.line += 1;
        let count = read.map_err(|error| {
            self.ended = true;
            self.problem(
                self.line,
                &format!("cannot be read: {error}"),
                "check the disk and the file",
            )
        })?;
        if count == 0 {
            self.ended = true;
            return Ok(None);
        }
        if self.line == 1 {
            self.check_start(&bytes)?;
            if bytes.starts_with(BYTE_ORDER_MARK) {
                bytes.drain(..BYTE_ORDER_MARK.len());
            }
        }
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
        }
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
        if bytes.len() > self.longest {
            self.ended = true;
            let what = format!("is longer than {} MiB", self.longest >> 20);
            return Err(self.problem(self.line, &what, "cut it into smaller rows"));
        }
        String::from_utf8(bytes).map(Some).map_err(|error| {
            let what = format!("is not UTF-8 from byte {}", error.utf8_error().valid_up_to());
            self.problem(self.line, &what, "convert the file: iconv -f LATIN1 -t UTF-8")
        })
    }

    /// Says what a file really is when its first bytes give it away.
    fn check_start(&mut self, bytes: &[u8]) -> Result<(), SeedError> {
        let (what, help) = match bytes {
            [0x1f, 0x8b, ..] => ("is compressed with gzip", "unpack it first: gunzip"),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => ("is compressed with Zstandard", "unpack it first: unzstd"),
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => {
                ("is UTF-16 text", "convert the file: iconv -f UTF-16 -t UTF-8")
            }
            _ => return Ok(()),
        };
        self.ended = true;
        Err(self.problem(0, what, help))
    }
}

impl Iterator for Lines {
    type Item = Result<(u64, String), SeedError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let text = self.read().transpose()?;
        Some(text.map(|text| (self.line, text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(bytes: &'static [u8], longest: usize) -> Vec<Result<(u64, String), SeedError>> {
        Lines::new(Box::new(bytes), Path::new("a.txt"), longest).collect()
    }

    #[test]
    fn marks_and_both_line_ends_are_taken_off() {
        let read: Vec<_> = lines(b"\xef\xbb\xbfone\r\n\ntwo\rx", 10)
            .into_iter()
            .map(Result::unwrap)
            .collect();
        let expected = [(1, "one"), (2, ""), (3, "two\rx")].map(|(n, t)| (n, t.to_owned()));
        assert_eq!(read, expected);
    }

    #[test]
    fn a_line_may_be_just_as_long_as_the_bound() {
        assert!(lines(b"12345\r\n", 5)[0].is_ok());
        let read = lines(b"123456\nnext\n", 5);
        assert_eq!(read.len(), 1, "nothing is read after it");
        assert_eq!(read[0].as_ref().unwrap_err().line, 1);
    }

    #[test]
    fn bytes_that_are_no_text_name_their_line_and_the_next_line_is_read() {
        let read = lines(b"ok\n\xff\xfe\xfa\nmore\n", 100);
        let error = read[1].as_ref().unwrap_err();
        assert_eq!(error.line, 2);
        assert!(error.message.starts_with("a.txt:2: is not UTF-8 from byte 0"));
        assert_eq!(read[2], Ok((3, "more".to_owned())));
    }

    #[test]
    fn other_files_are_named_for_what_they_are() {
        for (bytes, word) in [
            (&b"\x1f\x8b\x08rest"[..], "gzip"),
            (b"\x28\xb5\x2f\xfd", "Zstandard"),
            (b"\xff\xfea\0", "UTF-16"),
        ] {
            let read = lines(bytes, 100);
            assert!(read[0].as_ref().unwrap_err().message.contains(word));
            assert_eq!(read.len(), 1);
        }
    }
}
