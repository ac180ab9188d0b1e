//! A disk that loses its power: what processes really did to their files is recorded, call by call, and of it the disk has kept what was
//! synced, and of the rest what it pleased: some pages of a write and not others, a name without its bytes, a length without either.
//!
//! It keeps names in the order in which they were given, within a directory, and directories from the beginning; bytes in any order.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::sandbox::Ran;
use crate::shim;

const PAGE: usize = 4096;

/// What a process did. Files go by numbers: a name is not a file.
pub enum Did {
    Made(PathBuf, usize),
    Wrote(usize, usize, Vec<u8>),
    Cut(usize, usize),
    Renamed(PathBuf, PathBuf),
    Removed(PathBuf),
    MadeDirectory(PathBuf),
    Synced(usize),
    SyncedDirectory(PathBuf),
    /// A question went out.
    Asked,
}

impl Did {
    /// The directory whose names it changes.
    fn names_in(&self) -> Option<&Path> {
        match self {
            Self::Made(path, _) | Self::Renamed(_, path) | Self::Removed(path) => path.parent(),
            _ => None,
        }
    }
}

/// Everything a process did, over what was there before.
pub struct Record {
    /// Files that were there, with their bytes; their numbers are their places.
    before: Vec<(PathBuf, Vec<u8>)>,
    directories: BTreeSet<PathBuf>,
    pub did: Vec<Did>,
}

/// Files below a directory, with their inodes, and directories.
fn walk(directory: &Path, files: &mut Vec<(PathBuf, u64)>, directories: &mut BTreeSet<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            directories.insert(entry.path());
            walk(&entry.path(), files, directories);
        } else {
            files.push((entry.path(), entry.metadata().unwrap().ino()));
        }
    }
}

/// Has processes noted down.
pub struct Recorder {
    aside: tempfile::TempDir,
    root: PathBuf,
    library: PathBuf,
    /// Inodes of what was there before.
    inodes: BTreeMap<u64, usize>,
    pub record: Record,
}

impl Recorder {
    pub fn new(root: &Path) -> Self {
        let aside = tempfile::tempdir().unwrap();
        let (mut files, mut directories) = (Vec::new(), BTreeSet::new());
        walk(root, &mut files, &mut directories);
        let inodes = files
            .iter()
            .enumerate()
            .map(|(number, (_, inode))| (*inode, number));
        Self {
            root: root.to_owned(),
            library: shim::compiled(aside.path(), "recorder", include_str!("recorder.c")),
            inodes: inodes.collect(),
            record: Record {
                before: files
                    .into_iter()
                    .map(|(path, _)| (path.clone(), fs::read(path).unwrap()))
                    .collect(),
                directories,
                did: Vec::new(),
            },
            aside,
        }
    }

    /// Runs it to its end, noting what it does; returns how many steps there are now.
    pub fn run(&mut self, mut command: Command) -> usize {
        let log = self.aside.path().join("log");
        command
            .env("LD_PRELOAD", &self.library)
            .env("RECORD_ROOT", &self.root)
            .env("RECORD_LOG", &log);
        Ran::from(command.output().unwrap()).expect_code(0);
        self.record.read(&fs::read(&log).unwrap(), &mut self.inodes);
        fs::remove_file(log).unwrap();
        self.record.did.len()
    }
}

impl Record {
    fn read(&mut self, mut log: &[u8], numbers: &mut BTreeMap<u64, usize>) {
        let makes = |did: &&Did| matches!(did, Did::Made(..));
        let mut made = self.before.len() + self.did.iter().filter(makes).count();
        while let Some((head, rest)) = log.split_at_checked(21) {
            let number = |at: usize| u64::from_le_bytes(head[at..at + 8].try_into().unwrap());
            let length = u32::from_le_bytes(head[17..].try_into().unwrap()) as usize;
            let (bytes, rest) = rest.split_at(length);
            let (inode, at) = (number(1), number(9) as usize);
            let text = String::from_utf8_lossy(bytes);
            let path = || PathBuf::from(text.as_ref());
            let file = numbers.get(&inode).copied();
            let did = match head[0] {
                b'C' => {
                    numbers.insert(inode, made);
                    made += 1;
                    Did::Made(path(), made - 1)
                }
                b'W' => Did::Wrote(file.unwrap(), at, bytes.to_vec()),
                b'T' => Did::Cut(file.unwrap(), at),
                b'R' => {
                    let (from, to) = text.split_once('\0').unwrap();
                    Did::Renamed(from.into(), to.into())
                }
                b'U' => Did::Removed(path()),
                b'M' => Did::MadeDirectory(path()),
                b'S' => Did::Synced(file.unwrap()),
                b'D' => Did::SyncedDirectory(path()),
                b'>' => Did::Asked,
                other => panic!("{other}"),
            };
            self.did.push(did);
            log = rest;
        }
    }

    /// Where it waited for the disk.
    pub fn syncs(&self) -> Vec<usize> {
        let waits = |did: &Did| matches!(did, Did::Synced(_) | Did::SyncedDirectory(_));
        (0..self.did.len()).filter(|at| waits(&self.did[*at])).collect()
    }

    pub fn asked(&self, end: usize) -> usize {
        let asked = |did: &&Did| matches!(did, Did::Asked);
        self.did[..end].iter().filter(asked).count()
    }

    /// What the disk has kept when the power goes before step `end`: each page that was not synced with that probability.
    pub fn kept(&self, end: usize, share: f64, rng: &mut ChaCha8Rng) -> Disk {
        let did = &self.did[..end];
        let mut synced = BTreeMap::new();
        // By directory: where its names were synced, and the steps that changed them since.
        let mut names: BTreeMap<&Path, (usize, Vec<usize>)> = BTreeMap::new();
        for (at, did) in did.iter().enumerate() {
            match did {
                Did::Synced(file) => drop(synced.insert(*file, at)),
                Did::SyncedDirectory(path) => drop(names.insert(path, (at, Vec::new()))),
                did => {
                    if let Some(directory) = did.names_in() {
                        names.entry(directory).or_default().1.push(at);
                    }
                }
            }
        }
        // Of the names given since, those up to one of them.
        let mut last: BTreeMap<&Path, usize> = BTreeMap::new();
        for (directory, (synced, since)) in &names {
            let kept = since.iter().take_while(|_| rng.random_bool(share)).last();
            last.insert(directory, kept.map_or(*synced, |at| at + 1));
        }
        let mut disk = Disk {
            names: BTreeMap::new(),
            files: self.before.iter().map(|(_, bytes)| bytes.clone()).collect(),
            directories: self.directories.clone(),
        };
        for (number, (path, _)) in self.before.iter().enumerate() {
            disk.names.insert(path.clone(), number);
        }
        for (at, did) in did.iter().enumerate() {
            let durable = |file: &usize| synced.get(file).is_some_and(|synced| at < *synced);
            let bears_it = did
                .names_in()
                .is_some_and(|directory| last.get(directory).is_some_and(|last| at < *last));
            match did {
                Did::Made(path, file) => {
                    disk.files.resize(file + 1, Vec::new());
                    if bears_it {
                        disk.names.insert(path.clone(), *file);
                    }
                }
                Did::Renamed(from, to) if bears_it => {
                    let file = disk.names.remove(from).unwrap();
                    disk.names.insert(to.clone(), file);
                }
                Did::Removed(path) if bears_it => drop(disk.names.remove(path)),
                Did::MadeDirectory(path) => drop(disk.directories.insert(path.clone())),
                Did::Wrote(file, start, bytes) => {
                    let mut start = *start;
                    let mut rest = &bytes[..];
                    while !rest.is_empty() {
                        let (piece, more) = rest.split_at(rest.len().min(PAGE - start % PAGE));
                        if durable(file) || rng.random_bool(share) {
                            disk.write(*file, start, piece);
                        } else if rng.random_bool(share) {
                            // Room for it was made, and nothing put there.
                            disk.write(*file, start + piece.len(), &[]);
                        }
                        start += piece.len();
                        rest = more;
                    }
                }
                Did::Cut(file, length) if durable(file) || rng.random_bool(share) => {
                    disk.files[*file].resize(*length, 0);
                }
                _ => {}
            }
        }
        disk
    }
}

/// What is there when the machine starts again.
pub struct Disk {
    names: BTreeMap<PathBuf, usize>,
    files: Vec<Vec<u8>>,
    directories: BTreeSet<PathBuf>,
}

impl Disk {
    fn write(&mut self, file: usize, start: usize, bytes: &[u8]) {
        let file = &mut self.files[file];
        let end = start + bytes.len();
        file.resize(file.len().max(end), 0);
        file[start..end].copy_from_slice(bytes);
    }

    /// Puts it in the place of what is there.
    pub fn restore(&self, root: &Path) {
        for entry in fs::read_dir(root).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                fs::remove_dir_all(path).unwrap();
            } else {
                fs::remove_file(path).unwrap();
            }
        }
        for directory in &self.directories {
            fs::create_dir_all(directory).unwrap();
        }
        for (path, file) in &self.names {
            fs::write(path, &self.files[*file]).unwrap();
        }
    }
}
