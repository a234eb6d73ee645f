//! Flow 4: positions, the account and orders through the queue to a broker, and reconciliation.
//!
//! A server without a broker is held to saying so.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::signed_up;
use crate::{
    api::{Api, Reply, Session},
    report::Report,
};

/// A worker reads the broker within a minute of its start, and at once when asked.
const READ_WITHIN: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(200);

struct Trading {
    api: Api,
    session: Session,
    /// Whether orders can go anywhere.
    has_broker: bool,
    order: Option<String>,
}

/// Runs the flow.
pub(super) async fn run(api: &Api, report: &mut Report) {
    let mut flow = Trading { api: api.clone(), session: api.visitor(), has_broker: false, order: None };
    report.check("Sign In", flow.sign_in()).await;
    report.check("Reconciliation", flow.reconcile()).await;
    report.check("Get Account", flow.account()).await;
    report.check("Get Positions", flow.positions()).await;
    report.check("Get Orders", flow.orders()).await;
    report.check("Place Order", flow.place()).await;
    report.check("Order Sent to the Broker", flow.sent()).await;
    report.check("Idempotent Retry", flow.retry()).await;
    report.check("Order Validation", flow.validation()).await;
    report.check("Order Isolation", flow.isolation()).await;
    report.check("Kill Switch", flow.kill_switch()).await;
}

impl Trading {
    async fn sign_in(&mut self) -> Result<()> {
        self.session = signed_up(&self.api).await?;
        let account = self.session.get("/api/trading/account").await?;
        self.has_broker = account.body["code"] != json!("BROKER_NOT_CONFIGURED");
        if !self.has_broker {
            println!("[INFO] The server has no broker: it has to say so");
        }
        Ok(())
    }

    /// Returns whether the flow is over here: without a broker `reply` has to say so.
    fn no_broker(&self, reply: &Reply) -> Result<bool> {
        if self.has_broker {
            return Ok(false);
        }
        ensure!(reply.status == StatusCode::SERVICE_UNAVAILABLE, "{} instead of 503", reply.status);
        ensure!(reply.text("/code")? == "BROKER_NOT_CONFIGURED", "{}", reply.body);
        Ok(true)
    }

    async fn reconcile(&mut self) -> Result<()> {
        let reply = self.session.call(Method::POST, "/api/trading/reconcile", None).await?;
        if self.no_broker(&reply)? {
            return Ok(());
        }
        let reply = reply.expect(StatusCode::OK)?;
        ensure!(reply.body["success"] == json!(true), "{}", reply.body);
        reply.text("/workItemId")?;
        Ok(())
    }

    async fn account(&mut self) -> Result<()> {
        let reply = self.read("/api/trading/account").await?;
        if self.no_broker(&reply)? {
            return Ok(());
        }
        for key in ["cash", "buying_power"] {
            ensure!(reply.body[key].is_string(), "{key} is {}", reply.body[key]);
        }
        Ok(())
    }

    async fn positions(&mut self) -> Result<()> {
        let reply = self.read("/api/trading/positions").await?;
        if self.no_broker(&reply)? {
            return Ok(());
        }
        marked(reply.array()?)?;
        let enveloped = self.session.get("/api/positions").await?.expect(StatusCode::OK)?;
        marked(enveloped.body["positions"].as_array().context("no positions in the envelope")?)?;
        enveloped.text("/_source/source")?;
        Ok(())
    }

    async fn orders(&mut self) -> Result<()> {
        let reply = self.session.get("/api/trading/orders?status=all&limit=50").await?;
        ensure!(reply.expect(StatusCode::OK)?.array()?.is_empty(), "a new user has orders");
        let reply = self.session.get("/api/orders").await?.expect(StatusCode::OK)?;
        ensure!(reply.body["orders"].is_array(), "no orders in {:.300}", reply.body.to_string());
        Ok(())
    }

    async fn place(&mut self) -> Result<()> {
        let reply = self.send("e2e-order").await?;
        if self.no_broker(&reply)? {
            return Ok(());
        }
        let reply = reply.expect(StatusCode::CREATED)?;
        self.order = Some(reply.text("/id")?.to_owned());
        reply.text("/workItemId")?;
        reply.text("/submittedAt")?;
        Ok(())
    }

    async fn send(&self, key: &str) -> Result<Reply> {
        let body = json!({"symbol": "AAPL", "side": "buy", "qty": 1});
        let request = self.session.request(Method::POST, "/api/orders").header("idempotency-key", key);
        let response = request.body(body.to_string()).send().await?;
        let (status, headers) = (response.status(), response.headers().clone());
        Ok(Reply { status, headers, body: response.json().await? })
    }

    async fn sent(&mut self) -> Result<()> {
        let Some(id) = self.order.clone() else { return self.without_order() };
        let started = Instant::now();
        loop {
            let reply = self.session.get(&format!("/api/orders/{id}")).await?.expect(StatusCode::OK)?;
            match reply.text("/order/status")? {
                "pending" | "submitting" if started.elapsed() < READ_WITHIN => tokio::time::sleep(POLL).await,
                "pending" | "submitting" => bail!("not sent after {} s", READ_WITHIN.as_secs()),
                _ => {
                    let sent = reply.text("/order/brokerOrderId");
                    return sent.map(drop).with_context(|| format!("{}", reply.body["order"]));
                }
            }
        }
    }

    async fn retry(&mut self) -> Result<()> {
        let Some(id) = self.order.clone() else { return self.without_order() };
        let reply = self.send("e2e-order").await?;
        ensure!(
            reply.headers.get("idempotent-replayed").is_some(),
            "the reply is not marked as a repetition"
        );
        ensure!(reply.expect(StatusCode::CREATED)?.text("/id")? == id, "another order");
        let orders = self.session.get("/api/trading/orders").await?.expect(StatusCode::OK)?;
        ensure!(orders.array()?.len() == 1, "{} orders instead of 1", orders.array()?.len());
        Ok(())
    }

    async fn validation(&mut self) -> Result<()> {
        for path in ["/api/orders", "/api/trading/orders", "/api/alpaca/orders"] {
            for (key, value) in [
                ("qty", json!(-1)),
                ("side", json!("hold")),
                ("type", json!("limit")),
                ("time_in_force", json!("never")),
            ] {
                let mut body = json!({"symbol": "AAPL", "side": "buy", "qty": 1});
                body[key] = value;
                let reply = self.session.post(path, &body).await?;
                reply.expect(StatusCode::BAD_REQUEST).with_context(|| format!("{path}: {body}"))?;
            }
        }
        Ok(())
    }

    async fn isolation(&mut self) -> Result<()> {
        let mut other = signed_up(&self.api).await?;
        let orders = other.get("/api/trading/orders").await?.expect(StatusCode::OK)?;
        ensure!(orders.array()?.is_empty(), "another user sees orders");
        let Some(id) = self.order.clone() else { return self.without_order() };
        for path in [format!("/api/orders/{id}"), format!("/api/alpaca/orders/{id}")] {
            other.get(&path).await?.expect(StatusCode::NOT_FOUND)?;
            other.delete(&path).await?.expect(StatusCode::NOT_FOUND)?;
        }
        Ok(())
    }

    async fn kill_switch(&mut self) -> Result<()> {
        let switch = "/api/risk/kill-switch";
        self.session.post(switch, &json!({"activate": "yes"})).await?.expect(StatusCode::BAD_REQUEST)?;
        let reply =
            self.session.post(switch, &json!({"activate": true, "reason": "end of the test"})).await?;
        ensure!(reply.expect(StatusCode::OK)?.body["killSwitchActive"] == json!(true), "it is off");
        if self.has_broker {
            let reply = self.send("e2e-late").await?.expect(StatusCode::UNPROCESSABLE_ENTITY)?;
            ensure!(reply.text("/details/rule")? == "kill_switch", "{}", reply.body);
        }
        Ok(())
    }

    fn without_order(&self) -> Result<()> {
        ensure!(!self.has_broker, "no order was placed");
        Ok(())
    }

    /// Reads what a worker has to have asked the broker for first.
    async fn read(&mut self, path: &str) -> Result<Reply> {
        let started = Instant::now();
        loop {
            let reply = self.session.get(path).await?;
            let waiting = reply.body["code"] == json!("BROKER_UNAVAILABLE");
            if !waiting || started.elapsed() > READ_WITHIN {
                return if self.has_broker { reply.expect(StatusCode::OK) } else { Ok(reply) };
            }
            tokio::time::sleep(POLL).await;
        }
    }
}

/// Checks what the report wants of every position.
fn marked(positions: &[Value]) -> Result<()> {
    for position in positions {
        let metadata = &position["_metadata"];
        let source = metadata["source"].as_str().unwrap_or_default();
        ensure!(!source.is_empty(), "a position without a source: {position}");
        ensure!(metadata["hasDatabaseRecord"].is_boolean() && metadata["syncedAt"].is_string(), "{metadata}");
    }
    Ok(())
}
