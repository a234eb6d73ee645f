//! A database server of one test, to be stopped in every way there is.

use std::{fs::Permissions, os::unix::fs::PermissionsExt, path::Path, time::Duration};

use jobs::db::schema::MIGRATIONS;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use sqlx::{PgPool, postgres::PgPoolOptions};
use suites::eventually;
use tempfile::TempDir;
use tokio::task::spawn_blocking;
use worker::postgres::{Cluster, ClusterOptions, DATABASE, Mode};

/// How a server ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// Ends sessions and writes a checkpoint.
    Fast,
    /// Drops everything.
    Immediate,
    /// SIGKILL to the postmaster.
    Kill,
}

/// A server with the product's migrated database; gone with this value.
pub(super) struct Server {
    options: ClusterOptions,
    cluster: Cluster,
    _directory: TempDir,
}

impl Server {
    /// Starts a server.
    pub(super) async fn start() -> Self {
        let directory = directory();
        let path = directory.path().to_owned();
        Self::start_in(directory, &path, &[]).await
    }

    /// Starts a server whose data lie in `path`, which ends with `directory`.
    pub(super) async fn start_in(directory: TempDir, path: &Path, settings: &[(&str, &str)]) -> Self {
        let mut all = vec![("shared_buffers".to_owned(), "64MB".to_owned())];
        all.extend(settings.iter().map(|(name, value)| (name.to_string(), value.to_string())));
        let options = ClusterOptions { fsync: false, settings: all, ..ClusterOptions::new(path) };
        let cluster = launch(options.clone()).await;
        let creator = cluster.clone();
        spawn_blocking(move || creator.ensure_database(DATABASE))
            .await
            .expect("creating a database does not panic")
            .expect("a new server takes a database");
        let server = Self { options, cluster, _directory: directory };
        let pool = server.pool();
        MIGRATIONS.run(&pool).await.expect("the migrations apply to an empty database");
        pool.close().await;
        server
    }

    /// Returns the URL of the product's database; it stays the same over restarts.
    pub(super) fn url(&self) -> String {
        self.cluster.url(DATABASE)
    }

    /// Returns a few connections, made when they are needed.
    pub(super) fn pool(&self) -> PgPool {
        PgPoolOptions::new()
            .max_connections(4)
            .acquire_timeout(Duration::from_secs(15))
            .connect_lazy(&self.url())
            .expect("the URL of a private server parses")
    }

    /// Stops the server and returns once it is gone.
    pub(super) async fn stop(&self, how: Stop) {
        let pid = Pid::from_raw(self.cluster.pid());
        if how == Stop::Kill {
            kill(pid, Signal::SIGKILL).expect("the server of this test can be killed");
            // Its backends notice by themselves; until then they go on answering.
            return eventually("the server's processes are gone", Duration::from_secs(30), async || {
                !self.has_processes()
            })
            .await;
        }
        let mode = if how == Stop::Fast { Mode::Fast } else { Mode::Immediate };
        let cluster = self.cluster.clone();
        let stopped = spawn_blocking(move || cluster.stop(mode)).await;
        stopped.expect("stopping a server does not panic").expect("the server stops within its limit");
    }

    /// Returns whether any process works in the server's data directory.
    fn has_processes(&self) -> bool {
        let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let mut homes = processes.filter_map(|process| std::fs::read_link(process.path().join("cwd")).ok());
        homes.any(|home| home == self.cluster.pgdata())
    }

    /// Starts the server again, or finds that it runs.
    pub(super) async fn start_again(&mut self) {
        self.cluster = launch(self.options.clone()).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Err(error) = self.cluster.stop(Mode::Immediate) {
            eprintln!("a test's server stays behind: {error}");
        }
    }
}

/// Returns a directory that the server's account can get through.
pub(super) fn directory() -> TempDir {
    tempfile::Builder::new()
        .prefix("capstan-chaos-")
        .permissions(Permissions::from_mode(0o755))
        .tempdir()
        .expect("the system's directory for temporary files is writable")
}

async fn launch(options: ClusterOptions) -> Cluster {
    spawn_blocking(move || Cluster::start(options))
        .await
        .expect("starting a server does not panic")
        .expect("a private server starts")
}
