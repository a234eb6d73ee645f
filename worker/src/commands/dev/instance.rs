//! One `capstan dev` per data directory: a lock says that it lives, a record says where.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};

use super::{listen, terminal};
use crate::postgres::lock;

/// How long a holder that does not answer may take to answer or to go.
const ANSWER_LIMIT: Duration = Duration::from_secs(15);
/// How long a holder that is still coming up may take (first migrations, market data).
const START_LIMIT: Duration = Duration::from_mins(3);
/// How often the lock and the holder are tried again.
const POLL: Duration = Duration::from_millis(200);

/// What a running `capstan dev` tells the next one; left behind only by one that was killed.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
struct Record {
    /// Its process id.
    pid: u32,
    /// Where it serves; `None` while it is coming up.
    url: Option<String>,
    /// Whether stopping the database server is its business.
    owns_server: bool,
}

/// The outcome of claiming a data directory.
pub(super) enum Claim {
    /// It is ours until we end.
    Held(Instance),
    /// Another process serves it.
    Elsewhere {
        /// Its process id.
        pid: u32,
        /// Where it serves.
        url: String,
    },
}

/// A claimed data directory, ours until it is dropped. The record stays unless it is removed
/// first: it tells the next holder what it inherits.
pub(super) struct Instance {
    path: PathBuf,
    record: Record,
    /// Whether the last holder was killed.
    pub(super) after_crash: bool,
    _lock: File,
}

/// Claims `data_dir`, or finds out who serves it.
pub(super) async fn claim(data_dir: &Path) -> anyhow::Result<Claim> {
    let path = data_dir.join("dev.json");
    let client = listen::client(Duration::from_secs(2))?;
    let began = Instant::now();
    let mut told = false;
    loop {
        if let Some(lock) = lock::try_exclusive(&data_dir.join("dev.lock"))? {
            let left = read(&path);
            let owns_server = left.as_ref().is_some_and(|left| left.owns_server);
            let record = Record { pid: std::process::id(), url: None, owns_server };
            let instance = Instance { path, record, after_crash: left.is_some(), _lock: lock };
            instance.write()?;
            return Ok(Claim::Held(instance));
        }
        let holder = read(&path);
        if let Some(Record { pid, url: Some(url), .. }) = &holder
            && listen::ready(&client, url).await.is_ok()
        {
            return Ok(Claim::Elsewhere { pid: *pid, url: url.clone() });
        }
        let coming_up = holder.as_ref().is_some_and(|holder| holder.url.is_none());
        let pid = holder.map_or_else(|| "unknown".to_owned(), |holder| holder.pid.to_string());
        if began.elapsed() > if coming_up { START_LIMIT } else { ANSWER_LIMIT } {
            bail!("another capstan dev (pid {pid}) holds {} and does not answer", data_dir.display());
        }
        if !std::mem::replace(&mut told, true) {
            terminal::complain(&format!(
                "waiting for another capstan dev (pid {pid}) on {}",
                data_dir.display()
            ));
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Returns who holds `data_dir`, in words.
pub(super) fn holder(data_dir: &Path) -> anyhow::Result<Option<String>> {
    if lock::try_exclusive(&data_dir.join("dev.lock"))?.is_some() {
        return Ok(None);
    }
    let record = read(&data_dir.join("dev.json"));
    let pid = record.map_or_else(|| "unknown".to_owned(), |record| record.pid.to_string());
    Ok(Some(format!("capstan dev (pid {pid})")))
}

impl Instance {
    /// Returns whether stopping the database server is our business: we started it, or inherited it
    /// from a holder that was killed before it could.
    pub(super) fn owns_server(&self) -> bool {
        self.record.owns_server
    }

    /// Records that we started the database server.
    pub(super) fn own_server(&mut self) -> anyhow::Result<()> {
        self.record.owns_server = true;
        self.write()
    }

    /// Records where we serve.
    pub(super) fn serve_at(&mut self, url: &str) -> anyhow::Result<()> {
        self.record.url = Some(url.to_owned());
        self.write()
    }

    /// Removes the record: nothing of ours runs any more.
    pub(super) fn leave_nothing(&self) {
        let _ = std::fs::remove_file(&self.path);
    }

    /// Replaces the record in one step: a reader never sees half of it.
    fn write(&self) -> anyhow::Result<()> {
        let fresh = self.path.with_extension("json.new");
        let bytes = serde_json::to_vec_pretty(&self.record).context("cannot write the record")?;
        std::fs::write(&fresh, bytes)
            .and_then(|()| std::fs::rename(&fresh, &self.path))
            .with_context(|| format!("cannot write {}", self.path.display()))
    }
}

fn read(path: &Path) -> Option<Record> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_record_left_by_a_killed_holder_hands_the_server_on() {
        let root = tempfile::tempdir().expect("a temporary directory");
        let killed = Record { pid: 1, url: Some("http://127.0.0.1:1".to_owned()), owns_server: true };
        let bytes = serde_json::to_vec(&killed).expect("it serialises");
        std::fs::write(root.path().join("dev.json"), bytes).expect("it is written");
        let Ok(Claim::Held(instance)) = claim(root.path()).await else { panic!("nobody holds the lock") };
        assert!(instance.after_crash && instance.owns_server());
        instance.leave_nothing();
        drop(instance);
        let Ok(Claim::Held(instance)) = claim(root.path()).await else { panic!("nobody holds the lock") };
        assert!(!instance.after_crash && !instance.owns_server());
    }

    #[tokio::test]
    async fn a_holder_that_answers_is_found_and_one_that_leaves_is_followed() {
        let root = tempfile::tempdir().expect("a temporary directory");
        let Ok(Claim::Held(mut first)) = claim(root.path()).await else { panic!("nobody holds the lock") };
        let directory = root.path().to_owned();
        let second = tokio::spawn(async move { claim(&directory).await });
        let server = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", server.local_addr().expect("it is bound"));
        first.serve_at(&url).expect("it is written");
        let answering = tokio::spawn(async move {
            use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
            let (mut stream, _) = server.accept().await.expect("a caller");
            let mut request = [0_u8; 1024];
            let read = stream.read(&mut request).await.expect("a request");
            assert!(request[..read].starts_with(b"GET /health/ready "));
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.expect("an answer");
        });
        let found = second.await.expect("no panic").expect("an answer");
        assert!(matches!(found, Claim::Elsewhere { url: ref there, .. } if *there == url));
        answering.await.expect("no panic");

        let directory = root.path().to_owned();
        let third = tokio::spawn(async move { claim(&directory).await });
        tokio::task::yield_now().await;
        drop(first);
        assert!(matches!(third.await.expect("no panic"), Ok(Claim::Held(_))));
    }
}
