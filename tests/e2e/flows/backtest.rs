//! Flow 3: back-tests through the queue, their results, and their progress.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use futures::StreamExt;
use reqwest::{Method, StatusCode, header::ACCEPT};
use serde_json::{Value, json};
use suites::requests;

use super::signed_up;
use crate::{
    api::{Api, Reply, Session},
    report::Report,
};

const DONE_WITHIN: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(200);

struct Backtest {
    api: Api,
    session: Session,
    id: Option<String>,
}

/// Runs the flow.
pub(super) async fn run(api: &Api, report: &mut Report) {
    let mut flow = Backtest { api: api.clone(), session: api.visitor(), id: None };
    report.check("Sign In", flow.sign_in()).await;
    report.check("Create Backtest", flow.create()).await;
    report.check("Backtest Completion", flow.completion()).await;
    report.check("Equity Curve Retrieval", flow.equity()).await;
    report.check("Trades Retrieval", flow.trades()).await;
    report.check("Real Data Backtest", flow.real_data()).await;
    report.check("Progress Events", flow.progress_events()).await;
    report.check("Backtest Listing", flow.listing()).await;
    report.check("Backtest Isolation", flow.isolation()).await;
    report.check("Cancelling a Finished Backtest", flow.cancel_finished()).await;
    report.check("Backtest Validation", flow.validation()).await;
}

impl Backtest {
    async fn sign_in(&mut self) -> Result<()> {
        self.session = signed_up(&self.api).await?;
        Ok(())
    }

    fn id(&self) -> Result<&str> {
        self.id.as_deref().context("no back-test was created")
    }

    async fn create(&mut self) -> Result<()> {
        let reply = self.session.post("/api/backtests", &requests::report_backtest()).await?;
        let reply = reply.expect(StatusCode::OK)?;
        self.id = Some(reply.text("/id")?.to_owned());
        let status = reply.text("/status")?;
        ensure!(status == "QUEUED", "a new run is {status}");
        Ok(())
    }

    async fn completion(&mut self) -> Result<()> {
        let id = self.id()?.to_owned();
        let run = self.done(&id).await?;
        ensure!(run.body["resultsSummary"].is_object(), "resultsSummary is {}", run.body["resultsSummary"]);
        ensure!(
            run.body["initialCash"] == json!(10000.0) || run.body["initialCash"] == json!(10000),
            "initialCash"
        );
        ensure!(run.body["provenance"].is_object(), "a finished run does not say what its data was");
        Ok(())
    }

    async fn equity(&mut self) -> Result<()> {
        let path = format!("/api/backtests/{}/equity", self.id()?);
        let reply = self.session.get(&path).await?.expect(StatusCode::OK)?;
        let points = reply.array()?;
        ensure!(!points.is_empty(), "no points");
        for point in points {
            for key in ["equity", "cash", "exposure"] {
                ensure!(point[key].is_number(), "{key} is {}", point[key]);
            }
            ensure!(point["ts"].is_string(), "ts is {}", point["ts"]);
        }
        ensure!(points.is_sorted_by_key(|point| point["ts"].as_str()), "the points are not in order of time");
        Ok(())
    }

    async fn trades(&mut self) -> Result<()> {
        let path = format!("/api/backtests/{}/trades", self.id()?);
        let reply = self.session.get(&path).await?.expect(StatusCode::OK)?;
        reply.array()?;
        Ok(())
    }

    async fn real_data(&mut self) -> Result<()> {
        let body = requests::long_backtest();
        let created = self.session.post("/api/backtests", &body).await?.expect(StatusCode::OK)?;
        let id = created.text("/id")?.to_owned();
        let run = self.done(&id).await?;
        let trades =
            self.session.get(&format!("/api/backtests/{id}/trades")).await?.expect(StatusCode::OK)?;
        let trades = trades.array()?;
        ensure!(!trades.is_empty(), "eight years of a crossover gave no trade");
        for trade in trades {
            ensure!(trade["symbol"] == json!("AAPL"), "a trade of {}", trade["symbol"]);
            ensure!(trade["qty"].is_number() && trade["price"].is_number(), "not numbers: {trade}");
        }
        let provenance = run.body["provenance"].to_string();
        ensure!(
            provenance.contains("real") && !provenance.contains("\"simulated\""),
            "provenance {provenance:.300}"
        );
        let points =
            self.session.get(&format!("/api/backtests/{id}/equity")).await?.expect(StatusCode::OK)?;
        ensure!(points.array()?.len() > 100, "only {} points", points.array()?.len());
        Ok(())
    }

    async fn progress_events(&mut self) -> Result<()> {
        let stream = self.session.request(Method::GET, "/api/events").header(ACCEPT, "text/event-stream");
        let response = stream.send().await?.error_for_status()?;
        let mut chunks = response.bytes_stream();
        let mut text = String::new();
        let mut run = None;
        let started = Instant::now();
        while started.elapsed() < DONE_WITHIN {
            let chunk = tokio::time::timeout(DONE_WITHIN, chunks.next()).await.context("no event came")?;
            text.push_str(&String::from_utf8_lossy(&chunk.context("the stream ended")??));
            // Only once the stream is open: what happened before is not what is asked for.
            if run.is_none() && text.contains("event: agent:status") {
                let mut body = requests::report_backtest();
                body["initialCash"] = json!("20000");
                let reply = self.session.post("/api/backtests", &body).await?.expect(StatusCode::OK)?;
                run = Some(reply.text("/id")?.to_owned());
            }
            let progress = |id: &String| {
                text.split("\n\n").any(|frame| {
                    frame.contains("event: backtest:progress")
                        && frame.contains(id)
                        && frame.contains("data: {")
                })
            };
            if run.as_ref().is_some_and(progress) {
                return Ok(());
            }
        }
        bail!("no backtest:progress of {run:?} within {} s in: {text:.500}", DONE_WITHIN.as_secs())
    }

    async fn listing(&mut self) -> Result<()> {
        let reply = self.session.get("/api/backtests").await?.expect(StatusCode::OK)?;
        let runs = reply.body["runs"].as_array().context("no runs in the list")?;
        let id = self.id()?;
        ensure!(runs.len() == 3, "{} runs instead of 3", runs.len());
        ensure!(runs.iter().any(|run| run["id"] == json!(id)), "the first run is not listed");
        Ok(())
    }

    async fn isolation(&mut self) -> Result<()> {
        let id = self.id()?.to_owned();
        let mut other = signed_up(&self.api).await?;
        for part in ["", "/equity", "/trades"] {
            let path = format!("/api/backtests/{id}{part}");
            other.get(&path).await?.expect(StatusCode::NOT_FOUND).context(path)?;
        }
        Ok(())
    }

    async fn cancel_finished(&mut self) -> Result<()> {
        let path = format!("/api/backtests/{}/cancel", self.id()?);
        self.session.call(Method::POST, &path, None).await?.expect(StatusCode::CONFLICT)?;
        Ok(())
    }

    async fn validation(&mut self) -> Result<()> {
        let changes: [(&str, Value); 5] = [
            ("startDate", Value::Null),
            ("endDate", json!("2023-01-01")),
            ("universe", json!("AAPL")),
            ("strategyConfig", json!({"type": "no_such_strategy"})),
            ("initialCash", json!("much")),
        ];
        for (key, value) in changes {
            let mut body = requests::report_backtest();
            body[key] = value;
            let reply = self.session.post("/api/backtests", &body).await?;
            reply.expect(StatusCode::BAD_REQUEST).with_context(|| format!("{key} = {}", body[key]))?;
        }
        let broken =
            self.session.request(Method::POST, "/api/backtests").body("{\"universe\":").send().await?;
        ensure!(broken.status() == StatusCode::BAD_REQUEST, "broken JSON gave {}", broken.status());
        Ok(())
    }

    /// Polls a run until it is done.
    async fn done(&mut self, id: &str) -> Result<Reply> {
        let path = format!("/api/backtests/{id}");
        let started = Instant::now();
        loop {
            let run = self.session.get(&path).await?.expect(StatusCode::OK)?;
            match run.text("/status")? {
                "DONE" => return Ok(run),
                "QUEUED" | "RUNNING" if started.elapsed() < DONE_WITHIN => tokio::time::sleep(POLL).await,
                status => {
                    bail!("{status} after {}ms: {}", started.elapsed().as_millis(), run.body["errorMessage"])
                }
            }
        }
    }
}
