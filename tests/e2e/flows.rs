//! The flows of the report, in its order: one file each, one line here.

use futures::{FutureExt, future::BoxFuture};

use crate::{
    api::{Api, Session},
    report::Report,
};

mod authentication;
mod autonomous;
mod backtest;
mod data_integration;
mod strategy_management;
mod trading;

/// A flow of the report.
pub(crate) struct Flow {
    /// The name that test filters see: odd enough that filters meant for other tests miss it.
    pub(crate) test: &'static str,
    /// The name in the output.
    pub(crate) title: &'static str,
    /// Runs the flow's tests.
    pub(crate) run: for<'a> fn(&'a Api, &'a mut Report) -> BoxFuture<'a, ()>,
}

/// Every flow.
pub(crate) const ALL: &[Flow] = &[
    Flow {
        test: "report_flow_1",
        title: "Authentication Flow",
        run: |api, report| authentication::run(api, report).boxed(),
    },
    Flow {
        test: "report_flow_2",
        title: "Strategy Management Flow",
        run: |api, report| strategy_management::run(api, report).boxed(),
    },
    Flow {
        test: "report_flow_3",
        title: "Backtest Flow",
        run: |api, report| backtest::run(api, report).boxed(),
    },
    Flow {
        test: "report_flow_4",
        title: "Trading Flow",
        run: |api, report| trading::run(api, report).boxed(),
    },
    Flow {
        test: "report_flow_5",
        title: "AI/Autonomous Flow",
        run: |api, report| autonomous::run(api, report).boxed(),
    },
    Flow {
        test: "report_flow_6",
        title: "Data Integration Flow",
        run: |api, report| data_integration::run(api, report).boxed(),
    },
];

/// The password of every user of the suite.
const PASSWORD: &str = "Test123456!";

/// Returns a name that no other run has used.
fn new_name() -> String {
    format!("e2e_{}", uuid::Uuid::new_v4().simple())
}

/// Returns a client that has signed up as a new user.
async fn signed_up(api: &Api) -> anyhow::Result<Session> {
    let mut session = api.visitor();
    let body = serde_json::json!({"username": new_name(), "password": PASSWORD});
    session.post("/api/auth/signup", &body).await?.expect(reqwest::StatusCode::OK)?;
    Ok(session)
}
