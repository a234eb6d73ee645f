//! One real backtest over HTTP, as a user would run it: sign up, ask, poll, read.

mod report;

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use reqwest::Client;
use serde_json::{Value, json};

use super::{listen, password, terminal};

/// How long one request may take.
const REQUEST_LIMIT: Duration = Duration::from_secs(10);
/// How long the backtest may take from the request to its result.
const RESULT_LIMIT: Duration = Duration::from_mins(1);
/// The pause between two looks at it.
const POLL: Duration = Duration::from_millis(200);

/// Runs the demo against the API at `url` and prints its result.
///
/// # Errors
/// When the API refuses a step, or the backtest fails or takes longer than 60 s.
pub(super) async fn run(url: &str) -> anyhow::Result<()> {
    let client = listen::client(REQUEST_LIMIT)?;
    let user = format!("demo_{:08x}", rand::random::<u32>());
    let credentials = json!({"username": user, "password": password::random()});
    post(&client, &format!("{url}/api/auth/signup"), &credentials).await?;
    let asked = post(&client, &format!("{url}/api/backtests"), &specification()).await?;
    let id =
        asked.get("id").and_then(Value::as_str).context("the api accepted the backtest without an id")?;
    terminal::say(&format!("demo: user {user} asked for backtest {id}"));
    let done = finished(&client, &format!("{url}/api/backtests/{id}")).await?;
    terminal::say(report::table(&asked, &done).trim_end());
    Ok(())
}

/// A crossover on one share, over years that include a fall and a recovery.
fn specification() -> Value {
    json!({
        "universe": ["AAPL"],
        "strategyType": "moving_average_crossover",
        "strategyParams": {"fastPeriod": 10, "slowPeriod": 20, "allocationPct": 100},
        "startDate": "2005-01-03",
        "endDate": "2012-12-31",
        "initialCash": 100_000,
        "timeframe": "1Day",
    })
}

async fn post(client: &Client, url: &str, body: &Value) -> anyhow::Result<Value> {
    let sent = client.post(url).json(body).send().await;
    answer(sent.with_context(|| format!("no answer to POST {url}"))?)
        .await
        .with_context(|| format!("POST {url}"))
}

/// Polls the run until it is over.
async fn finished(client: &Client, url: &str) -> anyhow::Result<Value> {
    let end = Instant::now() + RESULT_LIMIT;
    loop {
        let sent = client.get(url).send().await.with_context(|| format!("no answer to GET {url}"))?;
        let run = answer(sent).await.with_context(|| format!("GET {url}"))?;
        let status = run.get("status").and_then(Value::as_str).unwrap_or_default().to_owned();
        match status.as_str() {
            "DONE" => return Ok(run),
            "FAILED" | "CANCELLED" => {
                let why = run.get("errorMessage").and_then(Value::as_str).unwrap_or("no message");
                bail!("the backtest is {status}: {why}");
            }
            _ if Instant::now() < end => tokio::time::sleep(POLL).await,
            _ => bail!(
                "the backtest is still {status} after {} s; is a worker running?",
                RESULT_LIMIT.as_secs()
            ),
        }
    }
}

async fn answer(response: reqwest::Response) -> anyhow::Result<Value> {
    let status = response.status();
    let body = response.text().await.context("the answer broke off")?;
    if !status.is_success() {
        bail!("{status}: {}", body.chars().take(500).collect::<String>());
    }
    serde_json::from_str(&body).context("the answer is not JSON")
}
