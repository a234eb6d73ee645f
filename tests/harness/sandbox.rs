//! `capstan sandbox` as a process: a simulated exchange with a journal, to be killed and started
//! again, and its ledger, which says what really happened.

use std::time::Duration;

use nix::sys::signal::Signal;
use reqwest::Client;
use rust_decimal::Decimal;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use tempfile::TempDir;

use crate::{Capstan, Process, client::new_client, eventually};

/// A process of a debug build, on a machine busy with other tests.
const STARTED: Duration = Duration::from_mins(1);
/// Key and secret: nobody else can reach the loopback interface.
const KEY: &str = "chaos";
/// The opening of a session: whatever the day of the test, the exchange is open.
const OPENING: &str = "2024-03-04T14:30:00Z";

/// A running exchange, until it is dropped.
#[derive(Debug)]
pub struct Sandbox {
    /// Where it listens, as `http://host:port`; it stays the same over restarts.
    pub url: String,
    command: Capstan,
    process: Process,
    client: Client,
    faults: Value,
    _directory: TempDir,
}

/// What the exchange accepted.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct SandboxLedger {
    /// Every accepted order, oldest first.
    pub orders: Vec<SandboxOrder>,
    /// Requests to place an order.
    pub posts: u64,
    /// Those that became one.
    pub accepted: u64,
    /// Those refused because their client order id had been used.
    pub duplicates: u64,
}

/// One order of the ledger.
#[derive(Debug, Clone, Deserialize)]
pub struct SandboxOrder {
    /// The id that it was asked for with.
    pub client_order_id: String,
    /// The exchange's own id.
    pub order_id: String,
    /// What is traded.
    pub symbol: String,
    /// Shares; none when money was asked for.
    pub qty: Option<Decimal>,
    /// Where it stands, as on the wire.
    pub status: String,
    /// Shares filled so far.
    pub filled_qty: Decimal,
    /// Requests that carried its client order id.
    pub posts: u64,
}

/// What the account holds of a symbol.
#[derive(Debug, Clone, Deserialize)]
pub struct SandboxPosition {
    /// The symbol.
    pub symbol: String,
    /// Shares.
    pub qty: Decimal,
}

impl Sandbox {
    /// Starts an exchange in the middle of a session, without a limit of requests; `partial_fills`
    /// is the share of orders filled in parts, from 0 to 1.
    pub async fn start(seed: u64, partial_fills: f64) -> Self {
        let directory = tempfile::tempdir().expect("the system's directory for temporary files is writable");
        let journal = directory.path().join("exchange.jsonl");
        let command = |listen: &str| {
            let journal = journal.to_str().expect("a temporary path is text");
            Capstan::command(&[
                "sandbox",
                "--listen",
                listen,
                "--key",
                KEY,
                "--secret",
                KEY,
                "--rate-limit",
                "0",
                "--seed",
                &seed.to_string(),
                "--start",
                OPENING,
                "--journal",
                journal,
                "--partial-fills",
                &partial_fills.to_string(),
            ])
        };
        let mut process = command("127.0.0.1:0").start();
        let url = process.url(STARTED).await;
        let command = command(url.trim_start_matches("http://"));
        Self { url, command, process, client: new_client(), faults: Value::Null, _directory: directory }
    }

    /// Returns `capstan …` with this exchange as its broker, waiting at most `timeout` for answers.
    #[must_use]
    pub fn brokers(&self, command: Capstan, timeout: Duration) -> Capstan {
        self.settings(timeout).into_iter().fold(command, |command, (key, value)| command.env(key, &value))
    }

    /// Returns the environment that makes this exchange a process's broker.
    pub fn settings(&self, timeout: Duration) -> [(&'static str, String); 8] {
        [
            ("CAPSTAN__BROKER__KEY", KEY.to_owned()),
            ("CAPSTAN__BROKER__SECRET", KEY.to_owned()),
            ("CAPSTAN__BROKER__TRADING_URL", self.url.clone()),
            ("CAPSTAN__BROKER__DATA_URL", self.url.clone()),
            ("CAPSTAN__BROKER__STREAM_URL", format!("{}/stream", self.url.replacen("http", "ws", 1))),
            ("CAPSTAN__BROKER__TIMEOUT_MS", timeout.as_millis().to_string()),
            ("CAPSTAN__BROKER__REQUESTS_PER_MINUTE", "6000000".to_owned()),
            ("CAPSTAN__BROKER__BURST", "100000".to_owned()),
        ]
    }

    /// Ends the process with SIGKILL and waits until it is gone.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again from its journal, with the same address and the same faults.
    pub async fn start_again(&mut self) {
        self.process = self.command.start();
        self.process.url(STARTED).await;
        if !self.faults.is_null() {
            self.set_faults(self.faults.clone()).await;
        }
    }

    /// Stops it, so that connections are taken and nothing is answered, until it is thawed.
    pub fn freeze(&self) {
        self.process.signal(Signal::SIGSTOP);
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.process.signal(Signal::SIGCONT);
    }

    /// Replaces the faults, a list as `PUT /sandbox/faults` takes it.
    pub async fn set_faults(&mut self, faults: Value) {
        let sent = self.client.put(format!("{}/sandbox/faults", self.url)).json(&faults).send().await;
        let answer = sent.unwrap_or_else(|error| panic!("the sandbox takes no faults: {error}"));
        let status = answer.status();
        let said = answer.text().await.unwrap_or_default();
        assert!(status.is_success(), "the sandbox refuses {faults}: {status} {said}");
        self.faults = faults;
    }

    /// Returns how many requests met a fault since the faults were set.
    pub async fn faults_met(&self) -> u64 {
        let all: Value = self.get("/sandbox/faults").await;
        let faults = all["faults"].as_array().map(Vec::as_slice).unwrap_or_default();
        faults.iter().filter_map(|fault| fault["injected"].as_u64()).sum()
    }

    /// Returns what was accepted.
    pub async fn ledger(&self) -> SandboxLedger {
        self.get("/sandbox/ledger").await
    }

    /// Returns what the account holds; only while there are no faults.
    pub async fn positions(&self) -> Vec<SandboxPosition> {
        self.get("/v2/positions").await
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> T {
        // Right after a restart the old connection is gone, and the client may not know.
        eventually(format!("the sandbox answers GET {path}"), STARTED, async || {
            let request = self.client.get(format!("{}{path}", self.url));
            let answer =
                request.header("APCA-API-KEY-ID", KEY).header("APCA-API-SECRET-KEY", KEY).send().await?;
            answer.error_for_status()?.json().await
        })
        .await
    }
}
