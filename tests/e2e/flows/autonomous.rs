//! Flow 5: the user's agent, what it decides, and the switch that stops it.
//!
//! Decisions need workers and market data: a server without a broker is held to the rest.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::signed_up;
use crate::{
    api::{Api, Session},
    report::Report,
};

/// Cycles follow each other within seconds; the first one also fetches all it looks at.
const DECIDED_WITHIN: Duration = Duration::from_mins(2);
/// A worker fills an empty universe soon after its start.
const UNIVERSE_WITHIN: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(300);
/// The shortest interval of cycles, in seconds.
const INTERVAL_S: u32 = 5;

struct Autonomous {
    api: Api,
    session: Session,
    /// Whether orders can go anywhere.
    has_broker: bool,
}

/// Runs the flow.
pub(super) async fn run(api: &Api, report: &mut Report) {
    let mut flow = Autonomous { api: api.clone(), session: api.visitor(), has_broker: false };
    report.check("Sign In", flow.sign_in()).await;
    report.check("Get Autonomous Status", flow.status()).await;
    report.check("Start Autonomous Mode", flow.start()).await;
    report.check("Get AI Decisions", flow.decisions()).await;
    report.check("Get LLM Stats", flow.llm_stats()).await;
    report.check("Get Trade Candidates", flow.candidates()).await;
    report.check("Approve Candidates", flow.approve()).await;
    report.check("Decisions Appear", flow.decided()).await;
    report.check("Decision Timeline", flow.timeline()).await;
    report.check("Stop Autonomous Mode", flow.stop()).await;
    report.check("Autonomous Isolation", flow.isolation()).await;
    report.check("Kill Switch Blocks Start", flow.kill_switch()).await;
}

impl Autonomous {
    async fn sign_in(&mut self) -> Result<()> {
        self.session = signed_up(&self.api).await?;
        let account = self.session.get("/api/trading/account").await?;
        self.has_broker = account.body["code"] != json!("BROKER_NOT_CONFIGURED");
        if !self.has_broker {
            println!("[INFO] The server has no broker: no decisions are waited for");
        }
        Ok(())
    }

    async fn running(&mut self) -> Result<bool> {
        let reply = self.session.get("/api/autonomous/status").await?.expect(StatusCode::OK)?;
        reply.body["isRunning"].as_bool().with_context(|| format!("no isRunning in {}", reply.body))
    }

    async fn status(&mut self) -> Result<()> {
        ensure!(!self.running().await?, "a new user's agent runs");
        Ok(())
    }

    async fn start(&mut self) -> Result<()> {
        let interval = json!({ "intervalSeconds": INTERVAL_S });
        self.session.put("/api/autonomous/interval", &interval).await?.expect(StatusCode::OK)?;
        let reply = self.session.call(Method::POST, "/api/autonomous/start", None).await?;
        let reply = reply.expect(StatusCode::OK)?;
        ensure!(reply.body["success"] == json!(true), "{}", reply.body);
        ensure!(self.running().await?, "it does not run right after the start");
        Ok(())
    }

    async fn decisions(&mut self) -> Result<()> {
        let reply = self.session.get("/api/ai/decisions?limit=1").await?.expect(StatusCode::OK)?;
        ensure!(reply.array()?.len() <= 1, "more than the limit");
        self.session.get("/api/ai-decisions").await?.expect(StatusCode::OK)?.array()?;
        Ok(())
    }

    async fn llm_stats(&mut self) -> Result<()> {
        self.session.get("/api/ai/llm/stats").await?.expect(StatusCode::OK)?;
        Ok(())
    }

    async fn candidates(&mut self) -> Result<()> {
        for path in ["/api/candidates", "/api/trading/candidates"] {
            self.session.get(path).await?.expect(StatusCode::OK)?.array()?;
        }
        Ok(())
    }

    async fn approve(&mut self) -> Result<()> {
        if !self.has_broker {
            return Ok(());
        }
        let started = Instant::now();
        let candidates = loop {
            let reply = self.session.call(Method::POST, "/api/candidates/generate", None).await?;
            reply.expect(StatusCode::OK)?;
            let reply = self.session.get("/api/candidates").await?.expect(StatusCode::OK)?;
            let found = reply.array()?.clone();
            if !found.is_empty() {
                break found;
            }
            if started.elapsed() > UNIVERSE_WITHIN {
                bail!("no candidate after {} s", UNIVERSE_WITHIN.as_secs());
            }
            tokio::time::sleep(POLL).await;
        };
        for candidate in &candidates {
            ensure!(candidate["status"] == json!("NEW"), "approved by nobody: {candidate}");
            let symbol = candidate["symbol"].as_str().context("a candidate without a symbol")?;
            let path = format!("/api/candidates/{symbol}/approve");
            let reply = self.session.call(Method::POST, &path, None).await?.expect(StatusCode::OK)?;
            ensure!(reply.body["newStatus"] == json!("APPROVED"), "{}", reply.body);
        }
        Ok(())
    }

    async fn decided(&mut self) -> Result<()> {
        if !self.has_broker {
            return Ok(());
        }
        let started = Instant::now();
        loop {
            let reply = self.session.get("/api/ai/decisions").await?.expect(StatusCode::OK)?;
            if let Some(decision) = reply.array()?.first() {
                ensure!(decision["confidence"].is_number(), "{decision}");
                ensure!(decision["reasoning"].is_string(), "{decision}");
                return Ok(());
            }
            if started.elapsed() > DECIDED_WITHIN {
                let state = self.session.get("/api/autonomous/state").await?.body;
                bail!("no decision after {} s: {:.500}", DECIDED_WITHIN.as_secs(), state.to_string());
            }
            tokio::time::sleep(POLL).await;
        }
    }

    async fn timeline(&mut self) -> Result<()> {
        let reply = self.session.get("/api/ai-decisions/enriched?limit=5").await?.expect(StatusCode::OK)?;
        let all = reply.body["enrichedDecisions"].as_array().context("no enrichedDecisions")?;
        for one in all {
            ensure!(one["timeline"][0]["stage"] == json!("decision"), "{one:.300}", one = one.to_string());
        }
        ensure!(!self.has_broker || !all.is_empty(), "decisions without a timeline");
        Ok(())
    }

    async fn stop(&mut self) -> Result<()> {
        let reply = self.session.call(Method::POST, "/api/autonomous/stop", None).await?;
        let reply = reply.expect(StatusCode::OK)?;
        ensure!(reply.body["isRunning"] == json!(false), "{}", reply.body);
        ensure!(!self.running().await?, "it runs right after the stop");
        Ok(())
    }

    async fn isolation(&mut self) -> Result<()> {
        let mut other = signed_up(&self.api).await?;
        for path in ["/api/ai/decisions", "/api/candidates", "/api/trading/candidates"] {
            let reply = other.get(path).await?.expect(StatusCode::OK)?;
            ensure!(reply.array()?.is_empty(), "another user sees {path}: {:.200}", reply.body.to_string());
        }
        Ok(())
    }

    async fn kill_switch(&mut self) -> Result<()> {
        let switch = "/api/autonomous/kill-switch";
        self.session.post(switch, &json!({"activate": "yes"})).await?.expect(StatusCode::BAD_REQUEST)?;
        self.session.post(switch, &json!({"activate": true})).await?.expect(StatusCode::OK)?;
        let reply = self.session.call(Method::POST, "/api/autonomous/start", None).await?;
        let reply = reply.expect(StatusCode::CONFLICT)?;
        ensure!(reply.text("/code")? == "KILL_SWITCH_ACTIVE", "{}", reply.body);
        ensure!(reply.body["statusCode"] != Value::Null, "{}", reply.body);
        Ok(())
    }
}
