//! The analysts and the sandbox understand each other, over a socket only.

use ::sandbox::{Settings, faults::Rule, replay::Pace};
use domain::decision::Action;
use serde_json::{Value, json};
use suites::TestDatabase;
use tokio::{net::TcpListener, task::JoinHandle};

use super::{KEY, analysts, calls, pair, question, settings};

/// A sandbox in this process.
struct Sandbox {
    url: String,
    task: JoinHandle<()>,
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Sandbox {
    async fn start(key: &str, faults: Vec<Rule>) -> Self {
        let listener =
            TcpListener::bind("127.0.0.1:0").await.expect("the loopback interface has a free port");
        let url = format!("http://{}/v1", listener.local_addr().expect("a bound listener has an address"));
        let settings = Settings { clock: Pace::Stepped, rate_limit: 0, faults, ..Settings::new(key, "s") };
        let task = tokio::spawn(async move {
            ::sandbox::serve(settings, listener, std::future::pending())
                .await
                .expect("it serves until the end");
        });
        Self { url, task }
    }
}

#[tokio::test]
async fn each_shape_gives_a_valid_decision_from_the_data() {
    let database = TestDatabase::create().await;
    let sandbox = Sandbox::start(KEY, vec![]).await;
    for (openai, anthropic, name) in
        [(Some(&*sandbox.url), None, "openai"), (None, Some(&*sandbox.url), "anthropic")]
    {
        let analysts = analysts(&settings(openai, anthropic), &database.pool);
        let rising = analysts.ask(&question(10_300)).await;
        assert_eq!((rising.analyst, rising.proposal.action), (name, Action::Buy), "{rising:?}");
        let again = analysts.ask(&question(10_300)).await;
        assert_eq!(rising.proposal, again.proposal, "the same question gets the same answer");
        let quiet = analysts.ask(&question(10_010)).await;
        assert_eq!((quiet.analyst, quiet.proposal.action), (name, Action::Hold), "{quiet:?}");
    }
    assert!(calls(&database.pool).await.iter().all(|(_, status)| status == "ok"));
}

#[tokio::test]
async fn another_key_is_turned_away() {
    let database = TestDatabase::create().await;
    let sandbox = Sandbox::start("another-key", vec![]).await;
    let analysts = analysts(&settings(Some(&sandbox.url), Some(&sandbox.url)), &database.pool);
    let answer = analysts.ask(&question(10_300)).await;
    assert_eq!(answer.analyst, "technical");
    assert!(answer.fallbacks.iter().all(|fallback| fallback.reason.contains("401")), "{answer:?}");
}

#[tokio::test]
async fn whatever_the_sandbox_breaks_there_is_an_answer() {
    let kinds = [
        json!({"kind": "status", "code": 503}),
        json!({"kind": "status", "code": 529, "after": true}),
        json!({"kind": "too_many_requests", "retry_after": 0}),
        json!({"kind": "reset_before"}),
        json!({"kind": "reset_after"}),
        json!({"kind": "truncated_json"}),
        json!({"kind": "cut_body"}),
        json!({"kind": "malformed_json"}),
        json!({"kind": "wrong_types"}),
        json!({"kind": "outage"}),
    ];
    for kind in kinds {
        for (first_n, expected) in [(Some(1), "openai"), (None, "anthropic")] {
            let database = TestDatabase::create().await;
            let mut rule: Value = kind.clone();
            rule["route"] = json!("/v1/chat/completions");
            if let Some(most) = first_n {
                rule["first_n"] = json!(most);
            }
            let rule = Rule::read(rule).expect("a fault of the sandbox");
            let sandbox = Sandbox::start(KEY, vec![rule]).await;
            let analysts = analysts(&settings(Some(&sandbox.url), Some(&sandbox.url)), &database.pool);
            let answer = analysts.ask(&question(10_300)).await;
            assert_eq!(
                (answer.analyst, answer.proposal.action),
                (expected, Action::Buy),
                "{kind}: {answer:?}"
            );
            let calls = calls(&database.pool).await;
            assert_eq!(calls.first(), Some(&pair("openai", "failed")), "{kind}");
            assert_eq!(calls.last(), Some(&pair(expected, "ok")), "{kind}");
        }
    }
}
