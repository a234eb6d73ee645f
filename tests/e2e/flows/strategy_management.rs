//! Flow 2: the life of a strategy, and whose it is.

use anyhow::{Context, Result, ensure};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::signed_up;
use crate::{
    api::{Api, Session},
    report::Report,
};

struct StrategyManagement {
    api: Api,
    session: Session,
    id: Option<String>,
}

/// Runs the flow.
pub(super) async fn run(api: &Api, report: &mut Report) {
    let mut flow = StrategyManagement { api: api.clone(), session: api.visitor(), id: None };
    report.check("Sign In", flow.sign_in()).await;
    report.check("Create Strategy", flow.create()).await;
    report.check("List Strategies", flow.list()).await;
    report.check("Get Strategy by ID", flow.get()).await;
    report.check("Update Strategy", flow.update()).await;
    report.check("Strategy Validation", flow.validation()).await;
    report.check("Strategy Isolation", flow.isolation()).await;
    report.check("Delete Strategy", flow.delete()).await;
}

impl StrategyManagement {
    async fn sign_in(&mut self) -> Result<()> {
        self.session = signed_up(&self.api).await?;
        Ok(())
    }

    fn path(&self) -> Result<String> {
        let id = self.id.as_ref().context("no strategy was created")?;
        Ok(format!("/api/strategies/{id}"))
    }

    async fn create(&mut self) -> Result<()> {
        let body = json!({
            "name": "E2E Momentum Strategy",
            "type": "momentum",
            "description": "created by the end-to-end suite",
            "isActive": false,
            "assets": ["AAPL", "MSFT"],
            "parameters": json!({"lookback": 20, "threshold": 0.02}).to_string(),
        });
        let reply = self.session.post("/api/strategies", &body).await?.expect(StatusCode::OK)?;
        self.id = Some(reply.text("/id")?.to_owned());
        for key in ["name", "type", "description", "isActive", "assets"] {
            ensure!(reply.body[key] == body[key], "{key} came back as {}", reply.body[key]);
        }
        let parameters: Value = serde_json::from_str(reply.text("/parameters")?)?;
        ensure!(parameters == json!({"lookback": 20, "threshold": 0.02}), "other parameters: {parameters}");
        Ok(())
    }

    async fn list(&mut self) -> Result<()> {
        let id = self.id.clone().context("no strategy was created")?;
        let reply = self.session.get("/api/strategies").await?.expect(StatusCode::OK)?;
        let ids: Vec<_> = reply.array()?.iter().map(|strategy| &strategy["id"]).collect();
        ensure!(ids == [&json!(id)], "a new user's list is {ids:?}");
        Ok(())
    }

    async fn get(&mut self) -> Result<()> {
        let path = self.path()?;
        let reply = self.session.get(&path).await?.expect(StatusCode::OK)?;
        ensure!(reply.text("/name")? == "E2E Momentum Strategy", "another name: {}", reply.body["name"]);
        Ok(())
    }

    async fn update(&mut self) -> Result<()> {
        let path = self.path()?;
        let body = json!({"name": "Updated E2E Strategy", "description": "changed"});
        self.session.put(&path, &body).await?.expect(StatusCode::OK)?;
        let reply = self.session.get(&path).await?.expect(StatusCode::OK)?;
        ensure!(reply.text("/name")? == "Updated E2E Strategy", "the name stayed {}", reply.body["name"]);
        ensure!(reply.text("/description")? == "changed", "the description stayed");
        ensure!(reply.text("/type")? == "momentum", "the type was lost");
        ensure!(reply.body["assets"] == json!(["AAPL", "MSFT"]), "the assets were lost");
        Ok(())
    }

    async fn validation(&mut self) -> Result<()> {
        for body in [json!({"name": "", "type": "invalid_type"}), json!({"name": "no type"}), json!([])] {
            let reply = self.session.post("/api/strategies", &body).await?;
            let reply = reply.expect(StatusCode::BAD_REQUEST).with_context(|| body.to_string())?;
            reply.text("/error")?;
        }
        Ok(())
    }

    async fn isolation(&mut self) -> Result<()> {
        let path = self.path()?;
        let mut other = signed_up(&self.api).await?;
        let list = other.get("/api/strategies").await?.expect(StatusCode::OK)?;
        ensure!(list.array()?.is_empty(), "a new user sees {}", list.body);
        other.get(&path).await?.expect(StatusCode::NOT_FOUND)?;
        other.put(&path, &json!({"name": "stolen"})).await?.expect(StatusCode::NOT_FOUND)?;
        other.delete(&path).await?.expect(StatusCode::NOT_FOUND)?;
        let reply = self.session.get(&path).await?.expect(StatusCode::OK)?;
        ensure!(reply.text("/name")? == "Updated E2E Strategy", "another user changed it");
        Ok(())
    }

    async fn delete(&mut self) -> Result<()> {
        let path = self.path()?;
        self.session.delete(&path).await?.expect(StatusCode::OK)?;
        self.session.get(&path).await?.expect(StatusCode::NOT_FOUND)?;
        let list = self.session.get("/api/strategies").await?.expect(StatusCode::OK)?;
        ensure!(list.array()?.is_empty(), "it is still listed");
        Ok(())
    }
}
