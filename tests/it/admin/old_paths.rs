//! The paths of older clients: the same rows under other words.

use jobs::{kinds::exercise::Exercise, queue::Enqueue};
use serde_json::{Value, json};
use suites::TestApp;
use uuid::Uuid;

use super::{LATER, administrator, change, count, discarded, finish, outcome, put, refused, waiting};

const ITEMS: &str = "/api/admin/observability/work-queue/items";

#[tokio::test]
async fn jobs_appear_under_five_words() {
    let app = TestApp::start().await;
    let admin = administrator(&app).await;
    let mut pending = Vec::new();
    for state in ["scheduled", "blocked", "available", "retryable"] {
        let id = waiting(&app).await;
        sqlx::query("update queue.jobs set state = $2::queue.job_state where job_id = $1")
            .bind(id)
            .bind(state)
            .execute(&app.pool)
            .await
            .expect("changed");
        pending.push(id);
    }
    for state in ["quarantined", "indeterminate"] {
        let id = waiting(&app).await;
        sqlx::query("update queue.jobs set state = $2::queue.job_state where job_id = $1")
            .bind(id)
            .bind(state)
            .execute(&app.pool)
            .await
            .expect("changed");
    }
    for state in ["completed", "cancelled", "discarded"] {
        let id = waiting(&app).await;
        finish(&app, id, state, None).await;
    }
    let (status, all, _) = admin.get("/api/admin/work-items").await;
    assert_eq!(status, 200, "{all}");
    assert_eq!(
        all["counts"],
        json!({ "PENDING": 4, "RUNNING": 0, "SUCCEEDED": 1, "FAILED": 2, "DEAD_LETTER": 2 })
    );
    assert_eq!((&all["total"], all["items"].as_array().map(Vec::len)), (&json!(9), Some(9)));
    for (word, number) in
        [("PENDING", 4), ("running", 0), ("SUCCEEDED", 1), ("FAILED", 2), ("DEAD_LETTER", 2)]
    {
        for path in ["/api/admin/work-items", ITEMS] {
            let (_, some, _) = admin.get(&format!("{path}?status={word}&type=exercise&limit=2")).await;
            assert_eq!(some["total"], json!(number), "{word}");
            let items = some["items"].as_array().expect("items");
            assert!(items.iter().all(|item| item["status"] == word.to_uppercase()), "{some}");
            assert_eq!(items.len(), number.min(2));
        }
    }
    for (query, code) in
        [("status=BORED", "INVALID_FILTER"), ("limit=0", "INVALID_QUERY"), ("limit=x", "INVALID_QUERY")]
    {
        let answer = outcome(admin.get(&format!("/api/admin/work-items?{query}")).await);
        assert_eq!(answer, refused(400, code), "{query}");
    }
    assert_eq!(admin.get("/api/admin/work-items?type=%27--").await.1["items"], json!([]));
    let (_, one, _) = admin.get(&format!("{ITEMS}/{}", pending[0])).await;
    let item = one["item"].as_object().expect("an item");
    let fields: Vec<&str> = item.keys().map(String::as_str).collect();
    for field in
        ["id", "type", "status", "attempts", "maxAttempts", "nextRunAt", "lastError", "payload", "createdAt"]
    {
        assert!(fields.contains(&field), "{field}: {one}");
    }
    assert_eq!(item["maxAttempts"], 5);
    assert_eq!(one["runs"], json!([]));
}

#[tokio::test]
async fn work_items_are_retried_and_given_up() {
    let app = TestApp::start().await;
    let admin = administrator(&app).await;
    let dead = discarded(&app, "X: y").await;
    let alive = waiting(&app).await;
    let retry = "/api/admin/work-items/retry";
    let (status, said, _) = admin.post(retry, &json!({ "id": dead })).await;
    assert_eq!((status.as_u16(), &said["success"]), (200, &json!(true)));
    assert!(said["message"].is_string());
    for (body, status, code) in [
        (json!({}), 400, "INVALID_FIELD"),
        (json!({ "id": "" }), 400, "INVALID_FIELD"),
        (json!({ "id": alive }), 400, "CONFLICT"),
        (json!({ "id": dead }), 400, "ALREADY_RETRIED"),
        (json!({ "id": "nonsense" }), 404, "NOT_FOUND"),
        (json!({ "id": Uuid::now_v7() }), 404, "NOT_FOUND"),
    ] {
        assert_eq!(outcome(admin.post(retry, &body).await), refused(status, code), "{body}");
    }
    let give_up = "/api/admin/work-items/dead-letter";
    assert_eq!(admin.post(give_up, &json!({ "id": alive, "reason": "hopeless" })).await.0, 200);
    assert_eq!(outcome(admin.post(give_up, &json!({ "id": alive })).await), refused(400, "CONFLICT"));
    let reasons: Vec<String> =
        sqlx::query_scalar("select reason from audit_log where resource = 'job' order by audit_id")
            .fetch_all(&app.pool)
            .await
            .expect("rows");
    assert_eq!(reasons, ["retried as a work item", "hopeless"]);

    let lost = waiting(&app).await;
    change(&app, lost, "update queue.jobs set state = 'quarantined' where job_id = $1").await;
    assert_eq!(admin.post_empty(&format!("{ITEMS}/{lost}/retry")).await.0, 200);
    assert_eq!(admin.post_empty(&format!("{ITEMS}/{lost}/cancel")).await.0, 200);
    let hopeless = waiting(&app).await;
    assert_eq!(admin.post_empty(&format!("{ITEMS}/{hopeless}/dead-letter")).await.0, 200);
    assert_eq!(count(&app, "select count(*) from queue.finished where state = 'discarded'").await, 3);
}

#[tokio::test]
async fn the_screens_read_what_they_expect() {
    let app = TestApp::start().await;
    let admin = administrator(&app).await;
    put(&app, Exercise::default(), Enqueue::default().delay(LATER).trace_id("trace-3")).await;
    put(&app, Exercise::default(), Enqueue::default()).await;
    let (_, mut health, _) = admin.get("/api/admin/observability/health").await;
    assert!(health["fetchedAt"].take().is_string());
    let calls = json!({ "calls": 0, "errors": 0, "errorRate": "0%" });
    assert_eq!(
        health,
        json!({
            "queue": {
                "pending": 2, "running": 0, "succeeded": 0, "failed": 0, "deadLetter": 0,
                "oldestPendingAgeMinutes": 0, "approximate": false
            },
            "orchestrator": {
                "isRunning": false, "lastHeartbeat": null, "minutesSinceHeartbeat": null,
                "killSwitchActive": false, "dynamicOrderLimit": null, "marketCondition": null
            },
            "llm": { "lastHour": calls, "last24Hours": calls },
            "fetchedAt": null,
            "sources": { "queue": "database", "orchestrator": "database", "llm": "database" }
        })
    );
    let (_, figures, _) = admin.get("/api/admin/observability/metrics").await;
    for (part, fields) in [
        ("system", &["memoryUsedMB", "memoryTotalMB", "uptimeHours", "nodeVersion"][..]),
        ("workQueue", &["pending", "running", "failed", "completed"]),
        ("activity", &["logsLast24h", "totalRecentLogs"]),
    ] {
        for field in fields {
            assert!(!figures[part][field].is_null(), "{part}.{field}: {figures}");
        }
    }
    assert_eq!(figures["workQueue"]["pending"], 2);
    let (_, summary, _) = admin.get("/api/admin/observability/metrics/summary").await;
    assert_eq!((&summary["workQueue"]["pending"], &summary["failureRate"]), (&json!(2), &Value::Null));
    let (_, trace, _) = admin.get("/api/admin/observability/trace/trace-3").await;
    assert_eq!(
        (&trace["traceId"], trace["workItems"].as_array().map(Vec::len)),
        (&json!("trace-3"), Some(1))
    );
    let (_, logs, _) = admin.get("/api/admin/observability/logs?limit=1").await;
    assert_eq!((&logs["count"], &logs["offset"]), (&json!(1), &json!(0)));
    assert_eq!(logs["logs"][0]["action"], "grant_admin");
    assert_eq!(admin.get("/api/admin/observability/logs?level=error").await.1["logs"], json!([]));
    assert_eq!(
        outcome(admin.get("/api/admin/observability/logs?offset=-1").await),
        refused(400, "INVALID_QUERY")
    );
}
