//! `capstan sandbox`: the simulated exchange and data providers.

use std::{io::Write, net::SocketAddr, path::PathBuf};

use anyhow::{Context, bail, ensure};
use chrono::{DateTime, NaiveDate, Utc};
use clap::Args;
use jobs::config::Config;
use rand::{Rng, distr::Alphanumeric};
use sandbox::{
    Settings,
    faults::Rule,
    replay::Pace,
    settings::{is_private, opening},
};
use tokio::net::{TcpListener, lookup_host};

use crate::{shutdown, telemetry};

/// Options of `capstan sandbox`.
#[derive(Debug, Args)]
pub struct SandboxArgs {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    listen: String,
    /// Listen on an address that other machines reach: they can move the clock and set faults
    #[arg(long)]
    public: bool,
    /// Key id that clients must send [default: a new one, printed]
    #[arg(long, value_name = "K", env = "CAPSTAN_SANDBOX_KEY")]
    key: Option<String>,
    /// Secret that clients must send [default: a new one, printed]
    #[arg(long, value_name = "S", env = "CAPSTAN_SANDBOX_SECRET", hide_env_values = true)]
    secret: Option<String>,
    /// Requests a minute, of the trading API and of market data apiece; 0 is no limit
    #[arg(long, value_name = "N", default_value_t = 200)]
    rate_limit: u32,
    /// Decides prices within a day, partial fills and the requests that faults meet
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// How time passes: real, xN (such as x60) or stepped (by POST /sandbox/clock)
    #[arg(long, value_name = "PACE", default_value_t = Pace::Real)]
    clock: Pace,
    /// What the clock shows first: an instant, or a date, which is its opening
    /// [default: now; stepped: the opening of 2024-03-04]
    #[arg(long, value_name = "DATE", value_parser = start)]
    start: Option<DateTime<Utc>>,
    /// Begin with an open market: at the next opening, if the clock would show a closed one
    #[arg(long)]
    open: bool,
    /// File that keeps the exchange's state across restarts
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,
    /// File with faults in JSON, as PUT /sandbox/faults takes them
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
    /// Share of orders filled in parts, 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.1)]
    partial_fills: f64,
}

/// Serves until asked to stop. Prints `listening on http://ADDR` once it does, and then the key
/// and the secret that were not given.
pub async fn run(args: SandboxArgs) -> anyhow::Result<()> {
    telemetry::start(&Config::load()?.log)?;
    ensure!(
        (0.0..=1.0).contains(&args.partial_fills),
        "partial fills {} is not from 0 to 1",
        args.partial_fills
    );
    let shutdown = shutdown::on_signal()?;
    let address = address(&args.listen, args.public).await?;
    let (key_given, secret_given) = (args.key.is_some(), args.secret.is_some());
    let (key, secret) = (args.key.unwrap_or_else(fresh), args.secret.unwrap_or_else(fresh));
    let mut settings = Settings {
        rate_limit: args.rate_limit,
        seed: args.seed,
        clock: args.clock,
        start: args.start,
        open_at_start: args.open,
        journal: args.journal,
        faults: args.faults.as_deref().map(rules).transpose()?.unwrap_or_default(),
        ..Settings::new(key.clone(), secret.clone())
    };
    settings.exchange.partial_fill_probability = args.partial_fills;
    let listener = TcpListener::bind(address).await.with_context(|| format!("can't listen on {address}"))?;
    let bound = listener.local_addr()?;
    // A reader that has gone away is no reason to stop serving.
    let mut out = std::io::stdout();
    let _ = writeln!(out, "listening on http://{bound}");
    for (name, value, given) in [("key", &key, key_given), ("secret", &secret, secret_given)] {
        if !given {
            let _ = writeln!(out, "{name} {value}");
        }
    }
    sandbox::serve(settings, listener, shutdown.cancelled_owned()).await.context("the sandbox ended")
}

/// Returns 32 random letters and digits.
fn fresh() -> String {
    rand::rng().sample_iter(Alphanumeric).take(32).map(char::from).collect()
}

async fn address(listen: &str, public: bool) -> anyhow::Result<SocketAddr> {
    let found =
        lookup_host(listen).await.with_context(|| format!("{listen:?} is no address such as 127.0.0.1:0"))?;
    let Some(address) = found.into_iter().next() else { bail!("{listen:?} has no address") };
    ensure!(public || is_private(address), "{address} is reached by other machines; say --public to mean it");
    Ok(address)
}

fn rules(path: &std::path::Path) -> anyhow::Result<Vec<Rule>> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("can't read faults from {}", path.display()))?;
    let rules: Vec<serde_json::Value> =
        serde_json::from_str(&text).with_context(|| format!("{} is no list of faults", path.display()))?;
    let read = rules.into_iter().map(|rule| Rule::read(rule).map_err(anyhow::Error::msg));
    read.collect::<Result<_, _>>()
        .with_context(|| format!("{} has a fault that makes no sense", path.display()))
}

fn start(text: &str) -> Result<DateTime<Utc>, String> {
    text.parse()
        .or_else(|_| text.parse::<NaiveDate>().map(opening))
        .map_err(|_| format!("{text:?} is neither an instant such as 2024-03-04T14:30:00Z nor a date"))
}
