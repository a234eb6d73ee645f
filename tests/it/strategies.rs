//! Strategies: what clients send, what they read, and what is recorded.

mod isolation;
mod lifecycle;
mod versions;

use reqwest::StatusCode;
use serde_json::{Value, json};
use suites::{SignedIn, TestApp};

const PATH: &str = "/api/strategies";

fn minimal() -> Value {
    json!({ "name": "Weekly momentum", "type": "momentum" })
}

async fn made(user: &SignedIn, body: &Value) -> Value {
    let (status, strategy, _) = user.post(PATH, body).await;
    assert_eq!(status, 200, "{body}: {strategy}");
    strategy
}

fn path_of(strategy: &Value) -> String {
    format!("{PATH}/{}", strategy["id"].as_str().expect("a strategy has an id"))
}

fn outcome((status, body, _): (StatusCode, Value, reqwest::header::HeaderMap)) -> (u16, String) {
    (status.as_u16(), body["code"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn a_new_strategy_reads_as_the_contract_says() {
    let app = TestApp::start().await;
    let user = app.signed_up().await;
    let strategy = made(&user, &minimal()).await;
    let mut shape = strategy.clone();
    for field in ["id", "createdAt", "updatedAt"] {
        assert!(shape[field].take().is_string());
    }
    assert_eq!(
        shape,
        json!({
            "id": null, "name": "Weekly momentum", "type": "momentum", "description": null, "isActive": false,
            "assets": [], "parameters": null, "templateId": "custom", "status": "draft", "mode": null,
            "config": {}, "performanceSummary": null, "lastBacktestId": null, "version": 1,
            "createdAt": null, "updatedAt": null
        })
    );
    let stamp = strategy["createdAt"].as_str().expect("text");
    assert!(stamp.len() == 24 && stamp.ends_with('Z'), "{stamp}");
    let (status, read, headers) = user.get(&path_of(&strategy)).await;
    assert_eq!((status.as_u16(), &read), (200, &strategy));
    assert_eq!(headers["etag"], "\"1\"");
}

#[tokio::test]
async fn what_old_clients_send_is_understood() {
    let app = TestApp::start().await;
    let user = app.signed_up().await;
    for (sent, field, expected) in [
        (json!({"parameters": "{\"a\":1}"}), "parameters", json!("{\"a\":1}")),
        (json!({"parameters": {"a": 1}}), "parameters", json!("{\"a\":1}")),
        (json!({"parameters": null}), "parameters", Value::Null),
        (json!({"parameters": ""}), "parameters", Value::Null),
        (json!({"active": true}), "isActive", json!(true)),
        (json!({"isActive": false, "active": true}), "isActive", json!(false)),
        (json!({"name": "<b>Bold</b> one"}), "name", json!("Bold one")),
        (json!({"description": "a < b <script>x</script>"}), "description", json!("a < b x")),
        (json!({"assets": [" AAPL ", "BTC/USD"]}), "assets", json!(["AAPL", "BTC/USD"])),
        (json!({"config": {"any": {"key": [1]}}}), "config", json!({"any": {"key": [1]}})),
        (json!({"templateId": "pairs-trading"}), "templateId", json!("pairs-trading")),
        (json!({"status": "backtested"}), "status", json!("backtested")),
        (
            json!({"performanceSummary": {"winRate": 51.5, "sharpeRatio": null}}),
            "performanceSummary",
            json!({"winRate": 51.5}),
        ),
        (json!({"surprise": true}), "name", json!("Weekly momentum")),
    ] {
        let mut body = minimal();
        body.as_object_mut().expect("an object").extend(sent.as_object().expect("an object").clone());
        assert_eq!(made(&user, &body).await[field], expected, "{sent}");
    }
    for kind in jobs::db::strategies::TYPES {
        made(&user, &json!({ "name": "s", "type": kind })).await;
    }
    for kind in [
        "momentum",
        "omar",
        "mean-reversion",
        "pairs-trading",
        "ml-sentiment",
        "moving_average_crossover",
        "mean_reversion_scalper",
        "momentum_strategy",
        "rsi_oscillator",
        "buy_and_hold",
    ] {
        assert!(jobs::db::strategies::TYPES.contains(&kind), "{kind}");
    }
}

#[tokio::test]
async fn malformed_strategies_get_400_and_leave_nothing() {
    let app = TestApp::start().await;
    let user = app.signed_up().await;
    for (body, code) in [
        (json!({"name": "", "type": "invalid_type"}), "INVALID_FIELD"),
        (json!({"name": "s", "type": "invalid_type"}), "UNKNOWN_STRATEGY_TYPE"),
        (json!({"name": "s"}), "INVALID_FIELD"),
        (json!({"type": "momentum"}), "INVALID_FIELD"),
        (json!({}), "INVALID_FIELD"),
        (json!([]), "INVALID_FIELD"),
        (json!("text"), "INVALID_FIELD"),
        (json!({"name": "   ", "type": "momentum"}), "INVALID_FIELD"),
        (json!({"name": "<b></b>", "type": "momentum"}), "INVALID_FIELD"),
        (json!({"name": "x".repeat(201), "type": "momentum"}), "INVALID_FIELD"),
        (json!({"name": "a\0b", "type": "momentum"}), "INVALID_FIELD"),
        (json!({"name": 5, "type": "momentum"}), "INVALID_FIELD"),
        (json!({"name": "s", "type": "momentum", "assets": "AAPL"}), "INVALID_FIELD"),
        (json!({"name": "s", "type": "momentum", "assets": [""]}), "INVALID_FIELD"),
        (json!({"name": "s", "type": "momentum", "assets": vec!["A"; 501]}), "INVALID_FIELD"),
        (json!({"name": "s", "type": "momentum", "isActive": "yes"}), "INVALID_FIELD"),
        (json!({"name": "s", "type": "momentum", "parameters": "no json"}), "INVALID_FIELD"),
        (json!({"name": "s", "type": "momentum", "parameters": 5}), "INVALID_FIELD"),
        (json!({"name": "s", "type": "momentum", "parameters": "{\"a\":\"\\u0000\"}"}), "INVALID_FIELD"),
        (json!({"name": "s", "type": "momentum", "config": []}), "INVALID_FIELD"),
        (json!({"name": "s", "type": "momentum", "status": "running"}), "INVALID_FIELD"),
        (json!({"name": "s", "type": "momentum", "mode": "demo"}), "INVALID_FIELD"),
        (json!({"name": "s", "type": "momentum", "status": "stopped"}), "INVALID_TRANSITION"),
        (json!({"name": "s", "type": "momentum", "performanceSummary": {"winRate": "51"}}), "INVALID_FIELD"),
    ] {
        assert_eq!(outcome(user.post(PATH, &body).await), (400, code.to_owned()), "{body}");
    }
    assert_eq!(user.get(PATH).await.1, json!([]));
}

#[tokio::test]
async fn an_update_keeps_what_is_not_sent() {
    let app = TestApp::start().await;
    let user = app.signed_up().await;
    let full = json!({
        "name": "Full", "type": "omar", "description": "words", "isActive": true, "assets": ["AAPL"],
        "parameters": {"a": 1}, "config": {"b": 2}, "templateId": "momentum",
        "performanceSummary": {"winRate": 50.0}
    });
    let original = made(&user, &full).await;
    let path = path_of(&original);
    let mut expected = original.clone();
    let mut version = 1;
    for (n, sent) in [
        json!({}),
        json!({"name": "Renamed"}),
        json!({"config": {"c": 3}, "name": "Wizard", "type": "momentum"}),
        json!({"status": "backtested", "name": "Wizard", "config": {}}),
        json!({"assets": []}),
        json!({"isActive": false}),
        json!({"description": null}),
    ]
    .into_iter()
    .enumerate()
    {
        let (status, changed, _) =
            if n % 2 == 0 { user.put(&path, &sent).await } else { user.patch(&path, &sent).await };
        assert_eq!(status, 200, "{sent}: {changed}");
        let before = expected.clone();
        for (field, value) in sent.as_object().expect("an object") {
            expected[field] = value.clone();
        }
        if expected != before {
            version += 1;
            expected["updatedAt"] = changed["updatedAt"].clone();
        }
        expected["version"] = json!(version);
        assert_eq!(changed, expected, "{sent}");
        assert_eq!(user.get(&path).await.1, expected);
    }
    assert_ne!(expected["updatedAt"], original["updatedAt"]);
}

#[tokio::test]
async fn a_refused_update_changes_nothing() {
    let app = TestApp::start().await;
    let user = app.signed_up().await;
    let strategy = made(&user, &minimal()).await;
    for body in [
        json!({"name": ""}),
        json!({"name": "New", "type": "nonsense"}),
        json!({"name": "New", "status": "paused"}),
    ] {
        assert_eq!(user.put(&path_of(&strategy), &body).await.0, 400, "{body}");
    }
    assert_eq!(user.get(&path_of(&strategy)).await.1, strategy);
}

#[tokio::test]
async fn a_deleted_strategy_is_gone_from_every_read_but_its_row_stays() {
    let app = TestApp::start().await;
    let user = app.signed_up().await;
    let strategy = made(&user, &minimal()).await;
    let path = path_of(&strategy);
    let (status, body, _) = user.delete(&path).await;
    assert_eq!((status.as_u16(), body), (200, json!({ "success": true })));
    assert_eq!(user.get(&path).await.0, 404);
    assert_eq!(user.get(PATH).await.1, json!([]));
    assert_eq!(user.put(&path, &json!({"name": "x"})).await.0, 404);
    assert_eq!(user.post_empty(&format!("{path}/pause")).await.0, 404);
    assert_eq!(user.delete(&path).await.0, 404);
    let rows: i64 = sqlx::query_scalar("select count(*) from strategies where deleted_at is not null")
        .fetch_one(&app.pool)
        .await
        .expect("a count");
    assert_eq!(rows, 1);
}

#[tokio::test]
async fn a_list_is_a_plain_array_whose_pages_meet_without_gap_or_overlap() {
    let app = TestApp::start().await;
    let user = app.signed_up().await;
    for n in 0..7 {
        made(&user, &json!({ "name": format!("s{n}"), "type": "momentum" })).await;
    }
    // Equal times: the id decides.
    sqlx::query("update strategies set created_at = date_trunc('hour', created_at)")
        .execute(&app.pool)
        .await
        .expect("an update");
    let (_, all, headers) = user.get(PATH).await;
    assert!(!headers.contains_key("x-next-cursor") && !headers.contains_key("link"));
    let mut paged = Vec::new();
    let mut next = Some(format!("{PATH}?limit=3"));
    while let Some(path) = next {
        let (status, page, headers) = user.get(&path).await;
        assert_eq!(status, 200, "{page}");
        paged.extend(page.as_array().expect("an array").clone());
        next = headers.get("link").map(|link| {
            let link = link.to_str().expect("text");
            let cursor = headers["x-next-cursor"].to_str().expect("text");
            assert!(link.ends_with(&format!("cursor={cursor}>; rel=\"next\"")), "{link}");
            link[1..].split('>').next().expect("a target").to_owned()
        });
    }
    assert_eq!(Value::Array(paged), all);
    for (query, code) in [
        ("limit=0", "INVALID_QUERY"),
        ("limit=501", "INVALID_QUERY"),
        ("limit=x", "INVALID_QUERY"),
        ("cursor=zz", "INVALID_CURSOR"),
        ("cursor=7b7d", "INVALID_CURSOR"),
    ] {
        assert_eq!(outcome(user.get(&format!("{PATH}?{query}")).await), (400, code.to_owned()), "{query}");
    }
}

#[tokio::test]
async fn each_change_leaves_one_audit_row_and_one_event() {
    let app = TestApp::start().await;
    let user = app.signed_up().await;
    let strategy = made(&user, &minimal()).await;
    let path = path_of(&strategy);
    user.put(&path, &json!({"name": "Renamed"})).await;
    user.post(&format!("{path}/deploy"), &json!({"mode": "paper"})).await;
    user.post_empty(&format!("{path}/pause")).await;
    user.post_empty(&format!("{path}/pause")).await;
    user.delete(&path).await;
    let rows: Vec<(String, Option<String>, Option<String>)> = sqlx::query_as(
        "select action, before ->> 'name', after ->> 'name' from audit_log
          where resource = 'strategy' and resource_id = $1 order by audit_id",
    )
    .bind(strategy["id"].as_str())
    .fetch_all(&app.pool)
    .await
    .expect("rows");
    let (old, new) = (Some("Weekly momentum".to_owned()), Some("Renamed".to_owned()));
    let row = |action: &str, before: &Option<String>, after: &Option<String>| {
        (action.to_owned(), before.clone(), after.clone())
    };
    assert_eq!(
        rows,
        [
            row("create_strategy", &None, &old),
            row("update_strategy", &old, &new),
            row("deploy_strategy", &new, &new),
            row("pause_strategy", &new, &new),
            row("delete_strategy", &new, &None),
        ]
    );
    let events: i64 = sqlx::query_scalar("select count(*) from events where name = 'strategy:update'")
        .fetch_one(&app.pool)
        .await
        .expect("a count");
    assert_eq!(events, 5);
}

#[tokio::test]
async fn a_change_that_can_not_be_audited_does_not_happen() {
    let app = TestApp::start().await;
    let user = app.signed_up().await;
    let strategy = made(&user, &minimal()).await;
    let path = path_of(&strategy);
    sqlx::query("alter table audit_log add constraint closed check (false) not valid")
        .execute(&app.pool)
        .await
        .expect("a constraint");
    assert_eq!(user.post(PATH, &minimal()).await.0, 500);
    assert_eq!(user.put(&path, &json!({"name": "x"})).await.0, 500);
    assert_eq!(user.post(&format!("{path}/deploy"), &json!({"mode": "paper"})).await.0, 500);
    assert_eq!(user.delete(&path).await.0, 500);
    assert_eq!(user.get(PATH).await.1, json!([strategy]));
}
