//! Cassettes: what was sent and what came back, one exchange a line, and a provider that answers from them with no network at all.
//! The first line names the version and the recorded teachers. Keys are not in it because they are in no request and no response.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::classify::{fail, garbage, pause};
use super::http::configured_model;
use super::wire;
use crate::core::catalog::{Entry, PlugError};
use crate::core::conversation::Message;
use crate::core::failpoint::{self, Failpoint};
use crate::core::ports::{BuildProvider, ModelInfo, ModelProvider, Recorder};
use crate::core::request::{
    Completion, Fingerprint, ModelRequest, Params, ProviderError, RawResponse, Trouble, Usage,
};
use crate::core::settings::{ModelSettings, ProviderSettings};

/// Version of the file format.
const VERSION: u32 = 1;
/// Header added to a replayed response: whose wire it is in.
const KIND: &str = "x-cassette-kind";

/// Its line in the catalog.
pub(super) const ENTRY: Entry<BuildProvider> = Entry {
    kind: "replay",
    summary: "A recorded cassette: every answer of an earlier run, offline",
    example: r#"cassette = "run.cassette""#,
    build,
};

fn build(
    settings: &ProviderSettings,
    _key: Option<SecretString>,
) -> Result<Arc<dyn ModelProvider>, PlugError> {
    let Some(path) = &settings.cassette else {
        return Err(PlugError::at(
            "cassette",
            format!("`{}` needs a recorded file: cassette = \"FILE\"", settings.name),
        ));
    };
    Ok(Arc::new(Replay {
        name: settings.name.clone(),
        tape: Tape::open(path)?,
    }))
}

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    cassette: u32,
    providers: Vec<Recorded>,
}

/// A recorded provider: enough to route to its models and to read its wire.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Recorded {
    name: String,
    kind: String,
    models: Vec<ModelSettings>,
}

#[derive(Serialize)]
struct Exchange<'a> {
    teacher: &'a str,
    kind: &'a str,
    fingerprint: String,
    request: Asked<'a>,
    response: &'a RawResponse,
}

#[derive(Serialize)]
struct Asked<'a> {
    model: &'a str,
    messages: &'a [Message],
    schema: Option<&'a Value>,
    params: &'a Params,
}

/// What is read of a line to find it again.
#[derive(Deserialize)]
struct Label {
    fingerprint: String,
}

#[derive(Deserialize)]
struct Played {
    kind: String,
    response: RawResponse,
}

// ----------------------------------------------------------------------------------------------------------------- recording

/// Writes a cassette, line by line.
pub struct CassetteRecorder {
    tape: Mutex<Blank>,
    kinds: HashMap<String, String>,
}

impl CassetteRecorder {
    /// Starts a new cassette, its owner's alone; a file already there is an error, for it may hold what was paid for. Of the providers
    /// only name, kind and models are written.
    #[expect(clippy::disallowed_methods, reason = "cassettes are written here")]
    pub fn create(path: &Path, providers: &[ProviderSettings]) -> io::Result<Self> {
        let file = OpenOptions::new()
            .append(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        let mut tape = Blank { file, length: 0 };
        let recorded = providers.iter().map(|provider| Recorded {
            name: provider.name.clone(),
            kind: provider.kind.clone(),
            models: provider.models.clone(),
        });
        let header = Header {
            cassette: VERSION,
            providers: recorded.collect(),
        };
        tape.add(&header)?;
        Ok(Self {
            tape: Mutex::new(tape),
            kinds: providers
                .iter()
                .map(|provider| (provider.name.clone(), provider.kind.clone()))
                .collect(),
        })
    }
}

impl Recorder for CassetteRecorder {
    fn record(&self, teacher: &str, request: &ModelRequest, response: &RawResponse) -> io::Result<()> {
        let provider = teacher.split('/').next().unwrap_or_default();
        let replayed = response.header(KIND);
        let kind = replayed
            .or_else(|| self.kinds.get(provider).map(String::as_str))
            .unwrap_or("openai");
        let exchange = Exchange {
            teacher,
            kind,
            fingerprint: request.fingerprint.hex(),
            request: Asked {
                model: &request.model,
                messages: &request.messages,
                schema: request.schema.as_deref(),
                params: &request.params,
            },
            response,
        };
        self.tape
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .add(&exchange)
    }
}

/// A cassette that grows, line by line: that of a killed run is as long as the run was.
struct Blank {
    file: File,
    length: u64,
}

impl Blank {
    fn add(&mut self, value: &impl Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(value)?;
        line.push(b'\n');
        let written = self.write(&line);
        match written {
            Ok(()) => self.length += line.len() as u64,
            // What a full disk took of it would spoil the next line.
            Err(_) => self.file.set_len(self.length)?,
        }
        written
    }

    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        if failpoint::is_armed() {
            let (half, rest) = line.split_at(line.len() / 2);
            self.file.write_all(half)?;
            failpoint::reach(Failpoint::CassetteTorn).map_err(io::Error::other)?;
            self.file.write_all(rest)?;
        } else {
            self.file.write_all(line)?;
        }
        failpoint::reach(Failpoint::CassetteWritten).map_err(io::Error::other)
    }
}

// ----------------------------------------------------------------------------------------------------------------- replaying

/// An open cassette with an index of its exchanges.
struct Tape {
    file: File,
    providers: Vec<Recorded>,
    places: HashMap<Fingerprint, Vec<(u64, usize)>>,
    /// How many recordings of a question were played.
    played: Mutex<HashMap<Fingerprint, usize>>,
    /// Every exchange in the order it was recorded.
    order: Vec<Fingerprint>,
}

impl Tape {
    #[expect(clippy::disallowed_methods, reason = "cassettes are read here, line by line")]
    fn open(path: &Path) -> Result<Self, PlugError> {
        let wrong = |why: String| PlugError::at("cassette", format!("{}: {why}", path.display()));
        let file = File::open(path).map_err(|error| wrong(error.to_string()))?;
        let mut lines = BufReader::with_capacity(1 << 16, file);
        let mut text = String::new();
        let mut start = lines
            .read_line(&mut text)
            .map_err(|error| wrong(error.to_string()))? as u64;
        let header: Header = serde_json::from_str(&text)
            .map_err(|_| wrong("this is no cassette; record one with `run --record FILE`".to_owned()))?;
        if header.cassette != VERSION {
            return Err(wrong(format!(
                "version {} of cassettes; this program reads version {VERSION}",
                header.cassette
            )));
        }
        let mut places: HashMap<Fingerprint, Vec<(u64, usize)>> = HashMap::new();
        let mut order = Vec::new();
        for number in 2.. {
            text.clear();
            let length = lines
                .read_line(&mut text)
                .map_err(|error| wrong(error.to_string()))?;
            if length == 0 {
                break;
            }
            let label = serde_json::from_str::<Label>(&text).ok();
            match label.and_then(|label| Fingerprint::from_hex(&label.fingerprint)) {
                Some(fingerprint) => {
                    places.entry(fingerprint).or_default().push((start, length));
                    order.push(fingerprint);
                }
                // The recording was killed while it wrote its last line.
                None if !text.ends_with('\n') => break,
                None => return Err(wrong(format!("line {number} is no recorded exchange"))),
            }
            start += length as u64;
        }
        Ok(Self {
            file: lines.into_inner(),
            providers: header.providers,
            places,
            order,
            played: Mutex::default(),
        })
    }

    /// The next recording of a question, in recorded order; after the last the last again. `None`: never recorded.
    fn next(&self, fingerprint: Fingerprint) -> Option<io::Result<Played>> {
        let places = self.places.get(&fingerprint)?;
        let (start, length) = {
            let mut played = self.played.lock().unwrap_or_else(PoisonError::into_inner);
            let at = played.entry(fingerprint).or_default();
            let place = places.get(*at).or(places.last()).copied()?;
            *at += 1;
            place
        };
        let mut bytes = vec![0; length];
        // One short read of a file that was just read through: not worth a thread.
        let read = self.file.read_exact_at(&mut bytes, start);
        Some(read.and_then(|()| serde_json::from_slice(&bytes).map_err(io::Error::from)))
    }
}

/// A provider made of a cassette: it serves all recorded teachers, whatever its name.
struct Replay {
    name: String,
    tape: Tape,
}

#[async_trait]
impl ModelProvider for Replay {
    async fn send(&self, request: &ModelRequest) -> Result<RawResponse, ProviderError> {
        let name = &self.name;
        match self.tape.next(request.fingerprint) {
            Some(Ok(Played { kind, mut response })) => {
                response.headers.retain(|(key, _)| key != KIND);
                response.headers.push((KIND.to_owned(), kind));
                Ok(response)
            }
            Some(Err(error)) => Err(pause(
                Trouble::Setup,
                None,
                format!("{name}: the cassette cannot be read: {error}"),
            )),
            None => Err(fail(
                Trouble::Setup,
                format!(
                    "{name}: no recording of this request to {}: the job or its seed differs from what was recorded",
                    request.model
                ),
            )),
        }
    }

    async fn embed(&self, request: &ModelRequest) -> Result<RawResponse, ProviderError> {
        self.send(request).await
    }

    fn read(&self, response: &RawResponse) -> Result<Completion, ProviderError> {
        match wire(response.header(KIND).unwrap_or_default()) {
            Some((read, _)) => read(&self.name, response),
            None => Err(garbage(&self.name, response)),
        }
    }

    fn usage(&self, response: &RawResponse) -> Usage {
        wire(response.header(KIND).unwrap_or_default())
            .map(|(_, usage)| usage(response))
            .unwrap_or_default()
    }

    async fn models(&self) -> Result<Vec<ModelInfo>, ProviderError> {
        let models = self.tape.providers.iter().flat_map(|provider| &provider.models);
        Ok(models.map(configured_model).collect())
    }

    async fn probe(&self) -> Result<(), ProviderError> {
        Ok(())
    }

    fn recorded_order(&self) -> Option<Vec<Fingerprint>> {
        Some(self.tape.order.clone())
    }
}
