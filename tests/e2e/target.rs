//! The server under test: a running one, or a `capstan dev` of our own.

use std::{
    fs::Permissions,
    os::unix::fs::PermissionsExt,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::Signal;
use suites::{Capstan, Process, eventually};
use tempfile::TempDir;

use crate::{api::Api, report::Report};

/// `dev` makes a database cluster, migrates and loads the shipped bars first.
const READY: Duration = Duration::from_mins(2);
const STOP: Duration = Duration::from_secs(30);

/// What the flows run against.
pub(crate) struct Target {
    api: Api,
    own: Option<Dev>,
}

struct Dev {
    process: Process,
    directory: TempDir,
}

impl Target {
    /// Takes the server at `API_BASE_URL`, or starts one; returns once it is ready.
    pub(crate) async fn open() -> Self {
        match std::env::var("API_BASE_URL") {
            Ok(base) if !base.is_empty() => {
                println!("[INFO] Using {base}");
                Self { api: Api::new(&base), own: None }
            }
            _ => Self::start().await,
        }
    }

    async fn start() -> Self {
        let directory = tempfile::Builder::new()
            .prefix("capstan-e2e-")
            // The database does not run as root: its account has to get through.
            .permissions(Permissions::from_mode(0o755))
            .tempdir()
            .expect("the system's directory for temporary files is writable");
        let data = directory.path().join("data");
        let started = Instant::now();
        let process = Capstan::command(&[
            "dev",
            "--listen",
            "127.0.0.1:0",
            "--data-dir",
            data.to_str().expect("temporary paths are text"),
            "--workers",
            "2",
            "--no-demo",
        ])
        .env("CAPSTAN_PROFILE", "development")
        .start();
        let mut dev = Dev { process, directory };
        let base = dev.process.url(READY).await;
        let api = Api::new(&base);
        eventually("capstan dev is ready", READY, async || api.ready().await).await;
        println!("[INFO] capstan dev is ready at {base} ({}ms)", started.elapsed().as_millis());
        Self { api, own: Some(dev) }
    }

    /// Returns the way to the server.
    pub(crate) fn api(&self) -> &Api {
        &self.api
    }

    /// Stops the server if it is our own, and reports how it ended.
    pub(crate) async fn close(self, report: &mut Report) {
        if let Some(mut dev) = self.own {
            report.group("Environment");
            report.check("Graceful Stop", dev.stop()).await;
        }
    }
}

impl Dev {
    async fn stop(&mut self) -> Result<()> {
        let sent = Instant::now();
        self.process.signal(Signal::SIGINT);
        let status = loop {
            if let Some(status) = self.process.exited() {
                break status;
            }
            if sent.elapsed() > STOP {
                bail!("still running {} s after SIGINT; it wrote:\n{}", STOP.as_secs(), self.process.log());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        ensure!(status.success(), "ended with {status}; it wrote:\n{}", self.process.log());
        let left = postmasters(self.directory.path())?;
        ensure!(left.is_empty(), "a database still runs: {left:?}");
        Ok(())
    }
}

impl Drop for Dev {
    /// Stops it even when the suite breaks off: killed, it would leave its database running.
    fn drop(&mut self) {
        let asked = Instant::now();
        if self.process.exited().is_none() {
            self.process.signal(Signal::SIGINT);
        }
        while self.process.exited().is_none() && asked.elapsed() < STOP {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Finds the lock files that a running Postgres keeps in its data directory.
fn postmasters(directory: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).with_context(|| format!("reading {}", directory.display()))? {
        let entry = entry?;
        if entry.file_name() == "postmaster.pid" {
            found.push(entry.path().display().to_string());
        } else if entry.file_type()?.is_dir() {
            found.extend(postmasters(&entry.path())?);
        }
    }
    Ok(found)
}
