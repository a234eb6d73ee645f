//! Flow 1: signing up, in and out, and what a session is worth in between.

use anyhow::{Context, Result, ensure};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{PASSWORD, new_name, signed_up};
use crate::{
    api::{Api, Reply, Session},
    report::Report,
};

struct Authentication {
    api: Api,
    session: Session,
    username: String,
}

/// Runs the flow.
pub(super) async fn run(api: &Api, report: &mut Report) {
    let mut flow = Authentication { api: api.clone(), session: api.visitor(), username: new_name() };
    report.check("User Signup", flow.signup()).await;
    report.check("Duplicate Signup Prevention", flow.duplicate_signup()).await;
    report.check("User Login", flow.login()).await;
    report.check("Session Validation", flow.session_validation()).await;
    report.check("Session Persistence", flow.session_persistence()).await;
    report.check("Session Isolation", flow.session_isolation()).await;
    report.check("User Logout", flow.logout()).await;
    report.check("Invalid Credentials Handling", flow.invalid_credentials()).await;
    report.check("Anonymous Access Refusal", flow.anonymous_access()).await;
}

impl Authentication {
    fn credentials(&self) -> Value {
        json!({"username": self.username, "password": PASSWORD})
    }

    async fn signup(&mut self) -> Result<()> {
        let mut body = self.credentials();
        // Nobody makes himself an administrator.
        body["isAdmin"] = json!(true);
        let reply = self.session.post("/api/auth/signup", &body).await?.expect(StatusCode::OK)?;
        self.is_user(&reply)?;
        ensure!(reply.body["isAdmin"] == json!(false), "a signup made an administrator");
        sets_session(&reply)
    }

    async fn duplicate_signup(&mut self) -> Result<()> {
        let body = self.credentials();
        let reply =
            self.api.visitor().post("/api/auth/signup", &body).await?.expect(StatusCode::BAD_REQUEST)?;
        reply.text("/error")?;
        Ok(())
    }

    async fn login(&mut self) -> Result<()> {
        let body = self.credentials();
        let before = self.session.cookie.clone();
        let reply = self.session.post("/api/auth/login", &body).await?.expect(StatusCode::OK)?;
        self.is_user(&reply)?;
        sets_session(&reply)?;
        ensure!(before != self.session.cookie, "a login gave the session of the signup again");
        Ok(())
    }

    async fn session_validation(&mut self) -> Result<()> {
        for path in ["/api/user", "/api/auth/me"] {
            let reply = self.session.get(path).await?.expect(StatusCode::OK)?;
            self.is_user(&reply).context(path)?;
        }
        Ok(())
    }

    async fn session_persistence(&mut self) -> Result<()> {
        for _ in 0..3 {
            self.session.get("/api/user").await?.expect(StatusCode::OK)?;
        }
        let mut second = self.api.visitor();
        second.cookie.clone_from(&self.session.cookie);
        let reply = second.get("/api/user").await?.expect(StatusCode::OK)?;
        self.is_user(&reply)
    }

    async fn session_isolation(&mut self) -> Result<()> {
        let mut other = signed_up(&self.api).await?;
        let theirs = other.get("/api/user").await?.expect(StatusCode::OK)?;
        ensure!(theirs.text("/username")? != self.username, "another user's session shows this user");
        let mine = self.session.get("/api/user").await?.expect(StatusCode::OK)?;
        self.is_user(&mine)
    }

    async fn logout(&mut self) -> Result<()> {
        let old = self.session.clone();
        let reply = self.session.call(reqwest::Method::POST, "/api/auth/logout", None).await?;
        reply.expect(StatusCode::OK)?;
        // The cleared cookie, and the session that was.
        self.session.get("/api/user").await?.expect(StatusCode::UNAUTHORIZED)?;
        old.clone().get("/api/user").await?.expect(StatusCode::UNAUTHORIZED)?;
        Ok(())
    }

    async fn invalid_credentials(&mut self) -> Result<()> {
        let wrong = json!({"username": self.username, "password": "WrongPassword1!"});
        let unknown = json!({"username": new_name(), "password": PASSWORD});
        let mut texts = Vec::new();
        for body in [wrong, unknown] {
            let reply = self.api.visitor().post("/api/auth/login", &body).await?;
            let reply = reply.expect(StatusCode::UNAUTHORIZED)?;
            ensure!(reply.first_cookie().is_none(), "a failed login set a cookie");
            texts.push(reply.text("/error")?.to_owned());
        }
        ensure!(texts[0] == texts[1], "the answers tell which names exist: {texts:?}");
        Ok(())
    }

    async fn anonymous_access(&mut self) -> Result<()> {
        for path in
            ["/api/user", "/api/strategies", "/api/backtests", "/api/strategies/999999", "/api/events"]
        {
            let reply = self.api.visitor().get(path).await?;
            reply.expect(StatusCode::UNAUTHORIZED).context(path)?;
        }
        Ok(())
    }

    /// The user comes in both forms: as `user`, and spread over the top level.
    fn is_user(&self, reply: &Reply) -> Result<()> {
        ensure!(reply.text("/user/id")? == reply.text("/id")?, "two ids");
        for pointer in ["/user/username", "/username"] {
            let name = reply.text(pointer)?;
            ensure!(name == self.username, "{pointer} is {name}, not {}", self.username);
        }
        Ok(())
    }
}

fn sets_session(reply: &Reply) -> Result<()> {
    let cookie = reply.first_cookie().context("no cookie was set")?;
    let value =
        cookie.strip_prefix("session=").with_context(|| format!("the first cookie is {cookie:.20}"))?;
    let (value, attributes) = value.split_once(';').context("the cookie has no attributes")?;
    ensure!(
        value.len() == 64 && value.bytes().all(|b| b.is_ascii_hexdigit()),
        "the cookie is not 32 bytes in hex"
    );
    let attributes = attributes.to_ascii_lowercase();
    for wanted in ["httponly", "path=/", "max-age=604800", "samesite=lax"] {
        ensure!(attributes.contains(wanted), "the cookie lacks {wanted}: {attributes}");
    }
    Ok(())
}
