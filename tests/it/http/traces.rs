//! One trace from the request to its job.

use suites::{TestApp, requests};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

#[tokio::test]
async fn a_trace_goes_from_the_request_to_its_job_and_audit_row() {
    let app = TestApp::start().await;
    let user = app.signed_up().await;
    for (traceparent, own, trace, request_id) in [
        (Some(format!("00-{TRACE}-b7ad6b7169203331-01")), None, TRACE, TRACE),
        (Some(format!("00-{TRACE}-b7ad6b7169203331-00")), Some("mine-1"), TRACE, "mine-1"),
        (Some("00-zz-b7ad6b7169203331-01".to_owned()), Some("mine-2"), "mine-2", "mine-2"),
    ] {
        let mut request =
            user.request(reqwest::Method::POST, "/api/backtests").json(&requests::report_backtest());
        for (name, value) in [("traceparent", traceparent), ("x-request-id", own.map(ToOwned::to_owned))] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["x-request-id"], request_id);
        let answered = response.headers()["traceparent"].to_str().expect("text").to_owned();
        if trace == TRACE {
            assert!(answered.starts_with(&format!("00-{TRACE}-")), "{answered}");
            assert!(!answered.contains("b7ad6b7169203331"), "the span is ours: {answered}");
        }
        assert_eq!(answered.len(), 55, "{answered}");
        let (of_job, of_audit): (Option<String>, Option<String>) = sqlx::query_as(
            "select (select trace_id from queue.jobs order by created_at desc limit 1),
                    (select trace_id from audit_log order by audit_id desc limit 1)",
        )
        .fetch_one(&app.pool)
        .await
        .expect("rows");
        assert_eq!((of_job.as_deref(), of_audit.as_deref()), (Some(trace), Some(trace)));
    }
}

#[tokio::test]
async fn a_request_without_names_gets_one() {
    let app = TestApp::start().await;
    for path in ["/health", "/nowhere"] {
        let response = app.client().get(format!("{}{path}", app.url)).send().await.expect("an answer");
        let id = response.headers()["x-request-id"].to_str().expect("text");
        let traceparent = response.headers()["traceparent"].to_str().expect("text");
        assert_eq!(traceparent.split('-').nth(1), Some(id));
    }
}
