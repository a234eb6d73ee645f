//! The database servers of the tests: one that all share, and private ones to stop and start.

use std::{fs::Permissions, os::unix::fs::PermissionsExt};

use tempfile::TempDir;
use tokio::task::spawn_blocking;
use worker::postgres::{Cluster, ClusterOptions, DATABASE, Mode, testing};

use crate::database;

/// Returns the URL of a database in the shared cluster, which is started on first use.
pub(crate) async fn url(database: &str) -> String {
    let cluster = spawn_blocking(testing::shared_cluster).await.expect("starting a server does not panic");
    cluster.expect("the tests need PostgreSQL: the message says how to install it").url(database)
}

/// A database server for one test, to be stopped and started by it; gone with this value.
#[derive(Debug)]
pub struct PrivateCluster {
    directory: TempDir,
    cluster: Cluster,
}

impl PrivateCluster {
    /// Starts an empty server with the product's migrated database in it.
    pub async fn start() -> Self {
        let directory = tempfile::Builder::new()
            .prefix("capstan-cluster-")
            // The server does not run as root: its account has to get through.
            .permissions(Permissions::from_mode(0o755))
            .tempdir()
            .expect("the system's directory for temporary files is writable");
        let cluster = launch(options(&directory)).await;
        let creator = cluster.clone();
        spawn_blocking(move || creator.ensure_database(DATABASE))
            .await
            .expect("creating a database does not panic")
            .expect("a new server takes a database");
        database::fill(&cluster.url(DATABASE)).await.expect("the migrations apply to an empty database");
        Self { directory, cluster }
    }

    /// Returns the URL of the product's database; it stays the same over restarts.
    pub fn url(&self) -> String {
        self.cluster.url(DATABASE)
    }

    /// Stops the server, ending every connection, and returns once it is gone.
    pub async fn stop(&self) {
        let cluster = self.cluster.clone();
        let stopped = spawn_blocking(move || cluster.stop(Mode::Fast)).await;
        stopped.expect("stopping a server does not panic").expect("the server stops within its limit");
    }

    /// Starts the server again.
    pub async fn start_again(&mut self) {
        self.cluster = launch(options(&self.directory)).await;
    }
}

impl Drop for PrivateCluster {
    fn drop(&mut self) {
        if let Err(error) = self.cluster.stop(Mode::Immediate) {
            eprintln!("a test's server stays behind: {error}");
        }
    }
}

fn options(directory: &TempDir) -> ClusterOptions {
    ClusterOptions { fsync: false, ..ClusterOptions::new(directory.path()) }
}

async fn launch(options: ClusterOptions) -> Cluster {
    spawn_blocking(move || Cluster::start(options))
        .await
        .expect("starting a server does not panic")
        .expect("a private server starts")
}
