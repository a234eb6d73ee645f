//! The journal: an append-only file of what the exchange accepted, one JSON line a decision.
//!
//! A line is handed to the operating system before the answer leaves, so that `kill -9` of the
//! sandbox loses nothing; with `sync` it also survives a loss of power. A torn last line is one
//! whose answer was never sent: it is cut off at the next start.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use crate::exchange::Change;

/// An open journal, positioned at its end.
#[derive(Debug)]
pub struct Journal {
    file: File,
    path: PathBuf,
    sync: bool,
    length: u64,
    line: Vec<u8>,
}

impl Journal {
    /// Opens or makes the journal at `path` and returns it with all it holds, oldest first.
    ///
    /// `sync` waits for the disk at every line. Fails when the file cannot be read or a line
    /// other than a torn last one cannot be understood.
    pub fn open(path: &Path, sync: bool) -> io::Result<(Self, Vec<Change>)> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder)?;
        }
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |last| last + 1);
        let mut changes = Vec::new();
        for (number, line) in bytes[..whole].split(|&byte| byte == b'\n').enumerate() {
            if line.is_empty() {
                continue;
            }
            let mut decision: Vec<Change> = serde_json::from_slice(line).map_err(|error| {
                let place = path.display();
                io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("line {} of the journal {place} is damaged: {error}", number + 1),
                )
            })?;
            changes.append(&mut decision);
        }
        if whole < bytes.len() {
            tracing::warn!(
                bytes = bytes.len() - whole,
                "the journal's last line was torn; cutting it off: its answer never left"
            );
        }
        let length = whole as u64;
        file.set_len(length)?;
        file.seek(SeekFrom::Start(length))?;
        Ok((Self { file, path: path.to_owned(), sync, length, line: Vec::new() }, changes))
    }

    /// Appends one decision and hands it to the operating system.
    ///
    /// On failure the file is cut back, so that a half-written line never precedes a later one.
    pub fn append(&mut self, changes: &[Change]) -> io::Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, changes)?;
        self.line.push(b'\n');
        match self.write_line() {
            Ok(()) => {
                self.length += self.line.len() as u64;
                Ok(())
            }
            Err(error) => {
                self.file.set_len(self.length)?;
                self.file.seek(SeekFrom::Start(self.length))?;
                Err(error)
            }
        }
    }

    /// Forgets everything before `changes`: the file then holds only them.
    ///
    /// The new file takes the old one's name in one step, so that a kill in between leaves
    /// either the one or the other.
    pub fn restart(&mut self, changes: &[Change]) -> io::Result<()> {
        let fresh = self.path.with_extension("fresh");
        let mut line = serde_json::to_vec(changes)?;
        line.push(b'\n');
        std::fs::write(&fresh, &line)?;
        std::fs::rename(&fresh, &self.path)?;
        self.file = OpenOptions::new().read(true).write(true).open(&self.path)?;
        self.length = self.file.seek(SeekFrom::End(0))?;
        if self.sync { self.file.sync_data() } else { Ok(()) }
    }

    fn write_line(&mut self) -> io::Result<()> {
        self.file.write_all(&self.line)?;
        if self.sync { self.file.sync_data() } else { Ok(()) }
    }
}
