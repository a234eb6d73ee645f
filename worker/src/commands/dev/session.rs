//! What one `capstan dev` has started, in the order it started it, and stopping it again.

mod providers;
mod upkeep;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use jobs::config::Config;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::instance::Instance;
use super::{banner, grace, listen, password, terminal};
use crate::postgres::{self, Cluster, ClusterOptions, DATABASE, Install, Mode, PostgresError};
use crate::reach;
use crate::supervisor::{ChildSpec, Supervisor};

/// How long migrations and the loading of the shipped market data may take.
const MIGRATE_LIMIT: Duration = Duration::from_mins(5);
/// How long a server may take to bind its address.
const BIND_LIMIT: Duration = Duration::from_secs(30);
/// How long the API may take to be ready.
const READY_LIMIT: Duration = Duration::from_mins(1);
/// How often a condition is looked at again.
const POLL: Duration = Duration::from_millis(100);
/// A process that ended this often while coming up will not come up.
const HOPELESS: u32 = 3;
/// What a server prints before its address.
const LISTENING: &str = "listening on http://";
/// The name of the API's process.
const API: &str = "api";
/// The name of the simulated exchange's process.
const SANDBOX: &str = "sandbox";
/// Where the simulated exchange keeps its state, in the data directory.
const JOURNAL: &str = "exchange.journal";

/// Where the rows are.
enum Database {
    /// The user's own server, from `DATABASE_URL`; never started or stopped by us.
    Given(String),
    /// The private one.
    Private(Cluster),
}

/// A running `capstan dev`.
pub(super) struct Session {
    data_dir: PathBuf,
    instance: Instance,
    database: Option<Database>,
    /// A start in progress: it cannot be interrupted, only waited for.
    starting: Option<JoinHandle<Result<Cluster, PostgresError>>>,
    supervisor: Supervisor,
    /// How the API and the workers reach the simulated exchange: variables of their environment.
    /// Empty when the user has a broker.
    broker: Vec<(&'static str, String)>,
}

impl Session {
    /// Returns a session that has started nothing yet.
    pub(super) fn new(data_dir: PathBuf, instance: Instance) -> Self {
        Self {
            data_dir,
            instance,
            database: None,
            starting: None,
            supervisor: Supervisor::new(),
            broker: Vec::new(),
        }
    }

    /// Returns whether the last session on this data directory was killed.
    pub(super) fn follows_a_crash(&self) -> bool {
        self.instance.after_crash
    }

    /// Takes `DATABASE_URL`, or starts or attaches to the private server.
    pub(super) async fn start_database(&mut self, install: Install) -> anyhow::Result<()> {
        if let Some(url) = std::env::var("DATABASE_URL").ok().filter(|url| !url.is_empty()) {
            reach::wait(&reach::options(&url)?, reach::LIMIT, terminal::complain).await?;
            self.database = Some(Database::Given(url));
            return Ok(());
        }
        let options = ClusterOptions { install, ..ClusterOptions::new(&self.data_dir) };
        self.starting = Some(tokio::task::spawn_blocking(move || Cluster::start(options)));
        let cluster = self.started().await.context("the private postgresql server did not start")??;
        let ensured = tokio::task::spawn_blocking(move || cluster.ensure_database(DATABASE));
        ensured.await.context("creating the database failed")??;
        Ok(())
    }

    /// Waits for the start in progress and takes note of its server at once.
    async fn started(&mut self) -> Option<Result<Cluster, PostgresError>> {
        // Every step of a start has its own limit. The handle stays in place while we wait, so that
        // a stop in the middle finds it.
        let outcome = self.starting.as_mut()?.await.ok();
        self.starting = None;
        let outcome = outcome?;
        if let Ok(cluster) = &outcome {
            self.database = Some(Database::Private(cluster.clone()));
            if !cluster.attached
                && let Err(error) = self.instance.own_server()
            {
                terminal::complain(&format!("{error:#}"));
            }
        }
        Some(outcome)
    }

    fn url(&self) -> anyhow::Result<String> {
        match &self.database {
            Some(Database::Given(url)) => Ok(url.clone()),
            Some(Database::Private(cluster)) => Ok(cluster.url(DATABASE)),
            None => bail!("there is no database yet"),
        }
    }

    fn child(&self, name: &str, arguments: &[&str]) -> anyhow::Result<ChildSpec> {
        let spec = ChildSpec::own_binary(name, arguments.iter().copied());
        let spec = spec.context("cannot find our own binary")?.env("DATABASE_URL", &self.url()?);
        Ok(self.broker.iter().fold(spec, |spec, (variable, value)| spec.env(variable, value)))
    }

    /// Starts the simulated exchange, unless the settings name a broker.
    pub(super) async fn start_exchange(&mut self) -> anyhow::Result<()> {
        if Config::load()?.broker.keys().is_some() {
            return Ok(());
        }
        // A provider takes the key in its query: no sign that has a meaning there.
        let key: String = password::random().chars().filter(char::is_ascii_alphanumeric).collect();
        let secret = password::random();
        let journal = self.data_dir.join(JOURNAL);
        let journal = journal.to_str().context("the data directory's name is no text")?;
        let arguments = |address: &str| {
            ["sandbox", "--listen", address, "--open", "--rate-limit", "0", "--journal", journal]
                .map(str::to_owned)
        };
        let (sender, mut lines) = mpsc::unbounded_channel();
        let first = arguments("127.0.0.1:0");
        let spec = ChildSpec::own_binary(SANDBOX, first.iter().map(String::as_str))
            .context("cannot find our own binary")?
            .env("CAPSTAN_SANDBOX_KEY", &key)
            .env("CAPSTAN_SANDBOX_SECRET", &secret)
            .lines_to(sender);
        self.supervisor.spawn(spec).context("cannot start the simulated exchange")?;
        let bound = self.bound_address(SANDBOX, &mut lines).await?;
        self.supervisor.set_arguments(SANDBOX, arguments(&bound.to_string()).into());
        let url = format!("http://{bound}");
        self.broker = providers::variables(&url, &key);
        self.broker.extend([
            ("CAPSTAN__BROKER__KEY", key),
            ("CAPSTAN__BROKER__SECRET", secret),
            ("CAPSTAN__BROKER__TRADING_URL", url.clone()),
            ("CAPSTAN__BROKER__DATA_URL", url),
            ("CAPSTAN__BROKER__STREAM_URL", format!("ws://{bound}/stream")),
        ]);
        Ok(())
    }

    /// Runs `capstan migrate` to its end.
    pub(super) async fn migrate(&self) -> anyhow::Result<()> {
        let mut child =
            self.child("migrate", &["migrate"])?.command().spawn().context("cannot run migrate")?;
        let stdin = child.stdin.take(); // `wait` would close it: the sign that we are gone
        let ended = tokio::time::timeout(MIGRATE_LIMIT, child.wait()).await;
        drop(stdin);
        let status =
            ended.with_context(|| format!("migrate did not end within {} s", MIGRATE_LIMIT.as_secs()))?;
        let status = status.context("cannot wait for migrate")?;
        if !status.success() {
            bail!("migrate failed ({status}); its messages are above");
        }
        Ok(())
    }

    /// Starts the API and the workers and returns the API's URL once it is ready.
    pub(super) async fn start_processes(
        &mut self,
        address: SocketAddr,
        workers: u16,
    ) -> anyhow::Result<String> {
        let (sender, mut lines) = mpsc::unbounded_channel();
        let api = self.child(API, &["api", "--listen", &address.to_string()])?.lines_to(sender);
        self.supervisor.spawn(api).context("cannot start the api")?;
        let graces = grace::graces(|name| std::env::var(name).ok());
        graces.notes.iter().for_each(|note| terminal::complain(note));
        for number in 1..=workers {
            let mut worker = self.child(&format!("worker-{number}"), &["worker"])?;
            for (name, value) in &graces.variables {
                worker = worker.env(name, value);
            }
            self.supervisor.spawn(worker).context("cannot start a worker")?;
        }
        let bound = self.bound_address(API, &mut lines).await?;
        // With port 0 the API must come back where it was.
        let arguments = ["api", "--listen", &bound.to_string()].map(str::to_owned);
        self.supervisor.set_arguments(API, arguments.into());
        let url = listen::url_of(bound);
        self.wait_until_ready(&url).await?;
        self.instance.serve_at(&url)?;
        Ok(url)
    }

    async fn bound_address(
        &self,
        name: &str,
        lines: &mut mpsc::UnboundedReceiver<String>,
    ) -> anyhow::Result<SocketAddr> {
        let end = Instant::now() + BIND_LIMIT;
        while Instant::now() < end {
            self.give_up_if_hopeless()?;
            let Ok(Some(line)) = tokio::time::timeout(POLL, lines.recv()).await else { continue };
            if let Some(address) = line.trim().strip_prefix(LISTENING) {
                let parsed = address.trim_end_matches('/').parse();
                return parsed.with_context(|| format!("the {name} announced \"{line}\""));
            }
        }
        bail!("the {name} did not announce its address within {} s", BIND_LIMIT.as_secs())
    }

    async fn wait_until_ready(&self, url: &str) -> anyhow::Result<()> {
        let client = listen::client(Duration::from_secs(5))?;
        let end = Instant::now() + READY_LIMIT;
        loop {
            self.give_up_if_hopeless()?;
            match listen::ready(&client, url).await {
                Ok(()) => return Ok(()),
                Err(_) if Instant::now() < end => tokio::time::sleep(POLL).await,
                Err(last) => bail!("{url} is not ready after {} s: {last}", READY_LIMIT.as_secs()),
            }
        }
    }

    fn give_up_if_hopeless(&self) -> anyhow::Result<()> {
        let statuses = self.supervisor.statuses();
        if let Some(child) = statuses.iter().find(|child| child.restarts >= HOPELESS) {
            bail!("{} keeps ending ({}); its messages are above", child.name, child.last_exit);
        }
        Ok(())
    }

    /// Shows where everything is.
    pub(super) fn print_banner(&self, url: &str) {
        let cluster = match &self.database {
            Some(Database::Private(cluster)) => Some(cluster),
            _ => None,
        };
        let exchange = self.broker.iter().find(|(name, _)| name.ends_with("TRADING_URL"));
        let exchange = exchange.map(|(_, url)| url.as_str());
        terminal::say(&banner::text(url, exchange, &self.data_dir, cluster, &self.supervisor.statuses()));
    }

    /// Stops the children, then the private server if that is ours to stop; all within `limit`.
    pub(super) async fn stop(&mut self, limit: Duration) {
        let end = Instant::now() + limit;
        let left = |share: u32| end.saturating_duration_since(Instant::now()) * share / 10;
        self.supervisor.stop_all(left(7)).await; // a kill takes up to 2 s more
        if tokio::time::timeout(left(8), self.started()).await.is_err() {
            let stop = stop_command(&self.data_dir);
            terminal::complain(&format!("the database server is still starting; stop it with: {stop}"));
            return;
        }
        match self.stop_server(left(9).max(Duration::from_secs(1))).await {
            Ok(()) => self.instance.leave_nothing(),
            Err(error) => terminal::complain(&format!("{error:#}")),
        }
    }

    /// Stops the private server if that is ours to stop.
    async fn stop_server(&self, limit: Duration) -> anyhow::Result<()> {
        let Some(Database::Private(cluster)) = &self.database else { return Ok(()) };
        if !self.instance.owns_server() {
            return Ok(());
        }
        let cluster = cluster.clone();
        let stopping = tokio::task::spawn_blocking(move || cluster.stop_within(Mode::Fast, limit));
        Ok(stopping.await.context("stopping the database server broke off")??)
    }
}

/// Returns the line for a shell that stops the server of `data_dir` (absolute, without links).
fn stop_command(data_dir: &Path) -> String {
    if std::fs::canonicalize(postgres::default_data_dir()).is_ok_and(|default| default == data_dir) {
        return "capstan db stop".to_owned();
    }
    format!("capstan db stop --data-dir {}", postgres::shell_word(&data_dir.display().to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_that_stops_a_server_names_a_data_directory_of_ones_own() {
        let line = stop_command(Path::new("/data of mine"));
        assert_eq!(line, "capstan db stop --data-dir '/data of mine'");
    }
}
