//! `capstan dev` as a whole: it keeps its database up, and its end loses nothing.

use std::{fs::Permissions, os::unix::fs::PermissionsExt, path::Path, time::Duration};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use sqlx::{Connection, PgConnection, PgPool};
use suites::{Capstan, Process, SignedIn, eventually, requests};
use tempfile::TempDir;
use tokio::task::spawn_blocking;
use worker::postgres::{Cluster, ClusterOptions, DATABASE, Mode};

/// A fresh server, the migrations, the market data, and the processes, on a busy machine.
const READY: Duration = Duration::from_mins(2);
/// The server's own recovery included.
const BACK: Duration = Duration::from_mins(1);
/// The limit of a stop, the end of the process, and a machine that is busy.
const STOPPED: Duration = Duration::from_secs(30);

/// A `capstan dev` with one worker on a data directory of its own. The process goes first, since
/// it would start the server again.
struct Dev {
    process: Process,
    url: String,
    data_dir: DataDir,
}

/// A data directory whose server is gone with it.
struct DataDir(TempDir);

impl Dev {
    async fn start(env: &[(&str, &str)]) -> Self {
        let directory = tempfile::Builder::new()
            .prefix("capstan-dev-")
            // The server does not run as root: its account has to get through.
            .permissions(Permissions::from_mode(0o755))
            .tempdir()
            .expect("the system's directory for temporary files is writable");
        let data_dir = DataDir(directory);
        data_dir.launch().await;
        let arguments = ["dev", "--listen", "127.0.0.1:0", "--workers", "1", "--no-demo", "--data-dir"];
        let path = data_dir.path().to_str().expect("the path is plain");
        let mut command = Capstan::command(&[arguments.as_slice(), &[path]].concat());
        for (key, value) in env {
            command = command.env(key, value);
        }
        let mut process = command.start();
        process.says("capstan is ready", READY).await;
        let url = process.url(READY).await;
        Self { process, url, data_dir }
    }

    /// Waits until the API is ready on a server other than the one with `pid`.
    async fn back(&self, pid: i32) -> Cluster {
        let client = reqwest::Client::new();
        let back = eventually("the API is ready on a new server", BACK, async || {
            let answer = client.get(format!("{}/health/ready", self.url)).send().await;
            let ready = answer.is_ok_and(|answer| answer.status() == 200);
            self.data_dir.server().filter(|cluster| ready && cluster.pid() != pid)
        });
        back.await
    }
}

impl DataDir {
    fn path(&self) -> &Path {
        self.0.path()
    }

    fn server(&self) -> Option<Cluster> {
        Cluster::attach(self.path())
    }

    /// Starts the server by hand, quickly: without syncs.
    async fn launch(&self) -> Cluster {
        let options = ClusterOptions { fsync: false, ..ClusterOptions::new(self.path()) };
        let started = spawn_blocking(move || Cluster::start(options)).await;
        started.expect("starting a server does not panic").expect("a private server starts")
    }
}

impl Drop for DataDir {
    fn drop(&mut self) {
        if let Some(cluster) = self.server()
            && let Err(error) = cluster.stop(Mode::Immediate)
        {
            eprintln!("a test's server stays behind: {error}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_or_stopped_under_a_dev_is_started_again() {
    let mut dev = Dev::start(&[]).await;
    let first = dev.data_dir.server().expect("it runs").pid();
    kill(Pid::from_raw(first), Signal::SIGKILL).expect("the server is ours");
    let second = dev.back(first).await.pid();
    dev.process.says(&format!("the database server runs again (pid {second})"), BACK).await;

    let path = dev.data_dir.path().to_str().expect("the path is plain").to_owned();
    let mut refused = Capstan::command(&["db", "stop", "--data-dir", &path]).start();
    assert_eq!(refused.ended(STOPPED).await.code(), Some(1), "{}", refused.log());
    let named = format!("capstan dev (pid {}) runs on {path}", dev.process.id());
    writes(&refused, &named).await;
    assert_eq!(dev.data_dir.server().map(|cluster| cluster.pid()), Some(second), "it was left alone");

    let mut forced = Capstan::command(&["db", "stop", "--force", "--data-dir", &path]).start();
    let ended = forced.ended(STOPPED).await;
    assert!(ended.success(), "{}", forced.log());
    dev.back(second).await;

    dev.process.signal(Signal::SIGINT);
    let ended = dev.process.ended(STOPPED).await;
    assert!(ended.success(), "{}", dev.process.log());
    assert!(dev.data_dir.server().is_none(), "it started the server last, so it stops it");
}

/// The reader of a process that has ended may be a moment behind.
async fn writes(process: &Process, text: &str) {
    eventually(format!("it has written {text:?}"), STOPPED, async || {
        let log = process.log();
        if log.contains(text) { Ok(()) } else { Err(log) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_in_progress_at_ctrl_c_is_given_back_and_not_counted_as_crashed() {
    // Two thousand sessions: far longer than a stop may take.
    let slow = ("CAPSTAN__BACKTEST__PACE_BARS_PER_S", "50");
    // A worker that has to wait for a processor keeps its lease.
    let mut dev = Dev::start(&[slow, ("CAPSTAN__QUEUE__LEASE_MS", "10000")]).await;
    let user = SignedIn::sign_up(&dev.url).await;
    let (status, run, _) = user.post("/api/backtests", &requests::long_backtest()).await;
    assert_eq!(status, 200, "{run}");
    let server = dev.data_dir.server().expect("it runs");
    let pool = PgPool::connect(&server.url(DATABASE)).await.expect("the server takes connections");
    eventually("the run is under way", READY, async || {
        let running = "select exists (select from queue.jobs as j join backtests as b using (job_id)
                        where j.state = 'running' and greatest(b.progress, j.progress) > 0)";
        sqlx::query_scalar::<_, bool>(running).fetch_one(&pool).await.unwrap_or(false)
    })
    .await;
    pool.close().await;

    dev.process.signal(Signal::SIGINT);
    let ended = dev.process.ended(STOPPED).await;
    assert!(ended.success(), "{}", dev.process.log());

    let server = dev.data_dir.launch().await;
    let mut conn = PgConnection::connect(&server.url(DATABASE)).await.expect("the server takes connections");
    let outcomes: Vec<String> = sqlx::query_scalar("select outcome from queue.attempts order by attempt")
        .fetch_all(&mut conn)
        .await
        .expect("the attempts are there");
    assert_eq!(outcomes, ["given_back"], "{}", dev.process.log());
    let lost: Vec<(String, i32, i32)> =
        sqlx::query_as("select state::text, failures, crashes from queue.jobs")
            .fetch_all(&mut conn)
            .await
            .expect("the job is there");
    assert_eq!(lost, [("available".to_owned(), 0, 0)], "it waits for the next dev");
}
