//! Flow 6: connectors, market data and their fusion, and watchlists.
//!
//! A server without a source of prices is held to inventing none.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::signed_up;
use crate::{
    api::{Api, Session},
    report::Report,
};

/// Workers refresh a quote within seconds of being asked.
const PRICED_WITHIN: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(500);

struct Integration {
    api: Api,
    session: Session,
}

/// Runs the flow.
pub(super) async fn run(api: &Api, report: &mut Report) {
    let mut flow = Integration { api: api.clone(), session: api.visitor() };
    report.check("Sign In", flow.sign_in()).await;
    report.check("Connectors Status", flow.connectors()).await;
    report.check("Market Data Snapshot", flow.snapshot()).await;
    report.check("Market Quotes", flow.quotes()).await;
    report.check("Public Quote", flow.public_quote()).await;
    report.check("Data Fusion Status", flow.fusion()).await;
    report.check("Market Intelligence", flow.intelligence()).await;
    report.check("Feeds", flow.feeds()).await;
    report.check("Watchlist Round Trip", flow.watchlist()).await;
}

impl Integration {
    async fn sign_in(&mut self) -> Result<()> {
        for path in ["/api/connectors/status", "/api/data-fusion/status"] {
            self.session.get(path).await?.expect(StatusCode::UNAUTHORIZED)?;
        }
        self.session = signed_up(&self.api).await?;
        Ok(())
    }

    async fn connectors(&mut self) -> Result<()> {
        let reply = self.session.get("/api/connectors/status").await?.expect(StatusCode::OK)?;
        let all = reply.body["allConnectors"].as_array().context("no allConnectors")?;
        for id in ["alpaca", "finnhub", "coingecko", "openai", "gdelt"] {
            let one = all.iter().find(|one| one["id"] == json!(id)).with_context(|| format!("no {id}"))?;
            ensure!(one["connected"].is_boolean() && one["hasApiKey"].is_boolean(), "{one}");
        }
        for group in ["crypto", "stock", "ai", "fusion"] {
            ensure!(reply.body[group].is_object(), "{group} is {}", reply.body[group]);
        }
        Ok(())
    }

    async fn snapshot(&mut self) -> Result<()> {
        let account = self.session.get("/api/trading/account").await?;
        let has_broker = account.body["code"] != json!("BROKER_NOT_CONFIGURED");
        let started = Instant::now();
        loop {
            let path = "/api/market/snapshot?symbols=AAPL,MSFT";
            let reply = self.session.get(path).await?.expect(StatusCode::OK)?;
            for symbol in ["AAPL", "MSFT"] {
                priced_or_unknown(&reply.body[symbol])
                    .with_context(|| format!("{symbol}: {}", reply.body))?;
            }
            let priced = ["AAPL", "MSFT"].iter().all(|symbol| reply.body[*symbol]["price"].is_number());
            if priced || !has_broker {
                return Ok(());
            }
            ensure!(started.elapsed() < PRICED_WITHIN, "a broker is there, but no price: {}", reply.body);
            tokio::time::sleep(POLL).await;
        }
    }

    async fn quotes(&mut self) -> Result<()> {
        let reply = self.session.get("/api/market/quotes?symbols=AAPL,MSFT").await?.expect(StatusCode::OK)?;
        ensure!(reply.array()?.len() == 2, "{}", reply.body);
        for quote in reply.array()? {
            ensure!(quote["price"].is_number() || quote["price"].is_null(), "{quote}");
        }
        self.session.get("/api/market/quotes").await?.expect(StatusCode::BAD_REQUEST)?;
        Ok(())
    }

    async fn public_quote(&self) -> Result<()> {
        let reply = self.api.visitor().get("/api/stock/quote/AAPL").await?.expect(StatusCode::OK)?;
        for key in ["c", "d", "dp", "h", "l", "o", "pc", "t"] {
            ensure!(reply.body[key].is_number() || reply.body[key].is_null(), "{key}: {}", reply.body);
        }
        self.api.visitor().get("/api/stock/quote/a%20b").await?.expect(StatusCode::BAD_REQUEST)?;
        Ok(())
    }

    async fn fusion(&mut self) -> Result<()> {
        for path in ["/api/data-fusion/status", "/api/fusion/status"] {
            let reply = self.session.get(path).await?.expect(StatusCode::OK)?;
            ensure!(reply.body["available"].is_boolean(), "{}", reply.body);
        }
        let data = self.session.get("/api/fusion/market-data").await?.expect(StatusCode::OK)?;
        data.array()?;
        Ok(())
    }

    async fn intelligence(&mut self) -> Result<()> {
        let reply = self.session.get("/api/fusion/intelligence").await?.expect(StatusCode::OK)?;
        for part in ["momentum", "volatility", "sentiment", "volume"] {
            let value = reply.body["components"][part].as_f64().with_context(|| format!("no {part}"))?;
            ensure!((0.0..=1.0).contains(&value), "{part} is {value}");
        }
        reply.text("/dataQuality")?;
        Ok(())
    }

    async fn feeds(&mut self) -> Result<()> {
        let reply = self.session.get("/api/feeds").await?.expect(StatusCode::OK)?;
        ensure!(!reply.array()?.is_empty(), "no feeds");
        for feed in reply.array()? {
            let status = feed["status"].as_str().unwrap_or_default();
            ensure!(["active", "degraded", "inactive", "unknown"].contains(&status), "{feed}");
        }
        Ok(())
    }

    async fn watchlist(&mut self) -> Result<()> {
        let reply = self.session.post("/api/watchlists", &json!({"name": "Research"})).await?;
        let id = reply.expect(StatusCode::CREATED)?.text("/id")?.to_owned();
        let symbols = format!("/api/watchlists/{id}/symbols");
        let body = json!({"symbol": "AAPL", "notes": "look at it", "tags": ["tech"]});
        self.session.post(&symbols, &body).await?.expect(StatusCode::CREATED)?;
        self.session.post(&symbols, &body).await?.expect(StatusCode::CONFLICT)?;
        let lists = self.session.get("/api/watchlists").await?.expect(StatusCode::OK)?;
        ensure!(lists.body[0]["symbols"][0]["symbol"] == json!("AAPL"), "{}", lists.body);
        let list = format!("/api/watchlists/{id}");
        signed_up(&self.api).await?.get(&list).await?.expect(StatusCode::NOT_FOUND)?;
        self.session.delete(&format!("{symbols}/AAPL")).await?.expect(StatusCode::OK)?;
        self.session.delete(&list).await?.expect(StatusCode::OK)?;
        Ok(())
    }
}

/// Checks that a price says where it comes from, and that there is none where nobody knows it.
fn priced_or_unknown(snapshot: &Value) -> Result<()> {
    ensure!(snapshot.is_object() && snapshot["stale"].is_boolean(), "no snapshot");
    let priced = snapshot["price"].is_number();
    ensure!(priced || snapshot["price"].is_null(), "the price is neither a number nor null");
    for key in ["provider", "asOf", "fetchedAt"] {
        ensure!(snapshot[key].is_string() == priced, "{key} is {}", snapshot[key]);
    }
    Ok(())
}
