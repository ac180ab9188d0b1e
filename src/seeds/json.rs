//! Seeds as one JSON document: an array of objects, or an object that holds exactly one array. The document is cut into the
//! array's elements as it is read; only one element is ever in memory.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde::de::IgnoredAny;
use serde_json::Value;

use super::jsonl::reason;
use super::{ROW_BYTES_MAX, kind_of, numbers, open_file, problem};
use crate::core::Row;
use crate::core::ports::{Rows, SeedError};

const SHAPE: &str = "write an array of objects: [ {\"question\": \"…\"}, … ]";

/// Opens the document. Nothing is read after the first error: what follows it has no certain meaning.
pub(super) fn open(path: &Path) -> Result<Rows, SeedError> {
    Ok(Box::new(Elements {
        bytes: Bytes {
            reader: BufReader::with_capacity(64 * 1024, open_file(path)?),
            line: 1,
        },
        path: path.to_owned(),
        state: State::Start,
        in_object: false,
        arrays: 0,
        element: Vec::new(),
        element_line: 0,
    }))
}

/// Where in the document the reader stands.
#[derive(Clone, Copy, PartialEq)]
enum State {
    /// Before the first byte.
    Start,
    /// In the object around the array, before a key or the end.
    Keys,
    /// In the array, before its first element.
    FirstElement,
    /// In the array, after an element.
    NextElement,
    /// After everything.
    End,
}

struct Elements {
    bytes: Bytes,
    path: PathBuf,
    state: State,
    in_object: bool,
    /// Arrays met in the object so far.
    arrays: usize,
    /// Text of the element being read.
    element: Vec<u8>,
    /// Line it begins on.
    element_line: u64,
}

/// A step of reading: a row, or the need to go on.
type Step = Result<Option<Row>, SeedError>;

impl Elements {
    fn fault(&self, what: &str, help: &str) -> SeedError {
        problem(&self.path, self.bytes.line, what, help)
    }

    fn broken(&self, expected: &str) -> SeedError {
        self.fault(&format!("is not valid JSON: expected {expected}"), SHAPE)
    }

    /// The next byte that is no white space, not consumed.
    fn peek(&mut self) -> Result<Option<u8>, SeedError> {
        loop {
            match self.bytes.peek() {
                Ok(Some(b' ' | b'\t' | b'\r' | b'\n')) => self.bytes.bump(),
                Ok(next) => return Ok(next),
                Err(error) => {
                    return Err(
                        self.fault(&format!("cannot be read: {error}"), "check the disk and the file")
                    );
                }
            }
        }
    }

    fn start(&mut self) -> Step {
        self.bytes.skip_mark();
        match self.peek()? {
            None => self.state = State::End,
            Some(b'[') => self.state = State::FirstElement,
            Some(b'{') => {
                self.in_object = true;
                self.state = State::Keys;
            }
            Some(_) => return Err(self.broken("an array or an object")),
        }
        self.bytes.bump();
        Ok(None)
    }

    /// One key of the object around the array, with its value unless that is the array.
    fn key(&mut self) -> Step {
        match self.peek()? {
            Some(b'}') => {
                self.bytes.bump();
                if self.arrays == 0 {
                    return Err(self.fault("holds no array of rows", SHAPE));
                }
                return self.end();
            }
            Some(b',') => {
                self.bytes.bump();
                return Ok(None);
            }
            Some(b'"') => self.capture()?,
            _ => return Err(self.broken("a key in quotes, or `}`")),
        }
        if self.peek()? != Some(b':') {
            return Err(self.broken("`:` after a key"));
        }
        self.bytes.bump();
        if self.peek()? != Some(b'[') {
            self.capture()?;
            self.parse::<IgnoredAny>()?;
            return Ok(None);
        }
        self.arrays += 1;
        if self.arrays > 1 {
            let help = "keep the one that holds the rows, or write it alone";
            return Err(self.fault("holds more than one array", help));
        }
        self.bytes.bump();
        self.state = State::FirstElement;
        Ok(None)
    }

    fn element(&mut self) -> Step {
        let first = self.state == State::FirstElement;
        match self.peek()? {
            Some(b']') => {
                self.bytes.bump();
                if self.in_object {
                    self.state = State::Keys;
                    return Ok(None);
                }
                return self.end();
            }
            Some(b',') if !first => {
                self.bytes.bump();
                if self.peek()? == Some(b']') {
                    return Err(self.broken("an element after `,`"));
                }
            }
            Some(_) if first => {}
            _ => return Err(self.broken("`,` or `]` after an element")),
        }
        self.state = State::NextElement;
        self.capture()?;
        match self.parse()? {
            Value::Object(row) => {
                let text = String::from_utf8_lossy(&self.element);
                let Some((at, number)) = numbers::beyond_64_bits(&row, &text) else {
                    return Ok(Some(row));
                };
                let line = self.element_line + text[..at].matches('\n').count() as u64;
                let what = format!("has {number}, a whole number beyond 64 bits");
                Err(problem(&self.path, line, &what, numbers::MEND))
            }
            other => {
                let what = format!("an element is {}, not an object", kind_of(&other));
                Err(problem(&self.path, self.element_line, &what, SHAPE))
            }
        }
    }

    fn end(&mut self) -> Step {
        self.state = State::End;
        if self.peek()?.is_some() {
            let help = "one document a file; one object a line belongs into a .jsonl file";
            return Err(self.fault("goes on after its end", help));
        }
        Ok(None)
    }

    /// Reads the text of one value into `self.element`.
    fn capture(&mut self) -> Result<(), SeedError> {
        self.peek()?;
        self.element.clear();
        self.element_line = self.bytes.line;
        let mut depth = 0_usize;
        let mut in_string = false;
        loop {
            let byte = match self.bytes.peek() {
                Ok(Some(byte)) => byte,
                Ok(None) if depth == 0 && !in_string => return Ok(()),
                Ok(None) => return Err(self.fault("ends in the middle of a value", SHAPE)),
                Err(error) => {
                    let what = format!("cannot be read: {error}");
                    return Err(self.fault(&what, "check the disk and the file"));
                }
            };
            if !in_string && depth == 0 && matches!(byte, b',' | b']' | b'}' | b':') {
                return Ok(());
            }
            self.take(byte)?;
            match byte {
                b'\\' if in_string => {
                    if let Ok(Some(escaped)) = self.bytes.peek() {
                        self.take(escaped)?;
                    }
                }
                b'"' => in_string = !in_string,
                b'[' | b'{' if !in_string => depth += 1,
                b']' | b'}' if !in_string => depth -= 1,
                _ => {}
            }
            if depth == 0 && !in_string && matches!(byte, b'"' | b']' | b'}') {
                return Ok(());
            }
        }
    }

    fn take(&mut self, byte: u8) -> Result<(), SeedError> {
        if self.element.len() >= ROW_BYTES_MAX {
            let what = format!("a value is longer than {} MiB", ROW_BYTES_MAX >> 20);
            return Err(self.fault(&what, "cut it into smaller rows"));
        }
        self.element.push(byte);
        self.bytes.bump();
        Ok(())
    }

    fn parse<T: serde::de::DeserializeOwned>(&self) -> Result<T, SeedError> {
        serde_json::from_slice(&self.element).map_err(|error| {
            let line = self.element_line + (error.line() as u64).saturating_sub(1);
            let what = format!("is not valid JSON: {}", reason(&error));
            problem(&self.path, line, &what, SHAPE)
        })
    }
}

impl Iterator for Elements {
    type Item = Result<Row, SeedError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let step = match self.state {
                State::Start => self.start(),
                State::Keys => self.key(),
                State::FirstElement | State::NextElement => self.element(),
                State::End => return None,
            };
            match step {
                Ok(None) => {}
                Ok(Some(row)) => return Some(Ok(row)),
                Err(error) => {
                    self.state = State::End;
                    return Some(Err(error));
                }
            }
        }
    }
}

/// Bytes with their line number.
struct Bytes {
    reader: BufReader<File>,
    line: u64,
}

impl Bytes {
    fn peek(&mut self) -> std::io::Result<Option<u8>> {
        if let Some(byte) = self.reader.buffer().first() {
            return Ok(Some(*byte));
        }
        Ok(self.reader.fill_buf()?.first().copied())
    }

    fn bump(&mut self) {
        if let Some(byte) = self.reader.buffer().first() {
            self.line += u64::from(*byte == b'\n');
            self.reader.consume(1);
        }
    }

    fn skip_mark(&mut self) {
        if self
            .reader
            .fill_buf()
            .is_ok_and(|bytes| bytes.starts_with(b"\xef\xbb\xbf"))
        {
            self.reader.consume(3);
        }
    }
}
