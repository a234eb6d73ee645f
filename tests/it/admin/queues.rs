//! Queues and limits.

use jobs::{
    kinds::exercise::{Act, Exercise},
    queue::Enqueue,
};
use serde_json::{Value, json};
use suites::{SignedIn, TestApp, eventually};

use super::{
    LATER, LIMIT, administrator, because, count, finish, idle_worker, outcome, put, refused, waiting,
};

async fn queue(admin: &SignedIn, name: &str) -> Value {
    let (status, queue, _) = admin.get(&format!("/api/admin/queues/{name}")).await;
    assert_eq!(status, 200, "{queue}");
    queue
}

#[tokio::test]
async fn a_queue_shows_what_waits_what_is_done_and_who_works() {
    let app = TestApp::start().await;
    let admin = administrator(&app).await;
    idle_worker(&app).await;
    admin.put("/api/admin/limits/desk", &json!({ "maxRunning": 9 })).await;
    admin.put("/api/admin/limits/unused", &json!({ "maxRunning": 9 })).await;
    for _ in 0..3 {
        put(&app, Exercise::default(), Enqueue::default()).await;
    }
    put(&app, Exercise::default(), Enqueue::default().limit("desk").delay(LATER)).await;
    let done = waiting(&app).await;
    finish(&app, done, "completed", None).await;
    let dead = waiting(&app).await;
    finish(&app, dead, "discarded", Some("X: y")).await;
    let shown = queue(&admin, "default").await;
    let exactly = |count: i64| json!({ "count": count, "approximate": false });
    assert_eq!(shown["depth"], json!({ "available": exactly(3), "scheduled": exactly(1) }));
    assert_eq!(shown["finishedLastMinute"], exactly(2));
    assert_eq!(shown["finishedLastFiveMinutes"], exactly(2));
    assert_eq!(shown["discardedLastFiveMinutes"], exactly(1));
    assert_eq!((&shown["workers"], &shown["slots"]), (&json!(1), &json!(3)));
    assert_eq!(shown["limits"], json!(["desk"]));
    assert!(shown["oldestAvailableAgeMs"].as_i64().is_some_and(|age| (0..60_000).contains(&age)), "{shown}");
    let (_, all, _) = admin.get("/api/admin/queues").await;
    let names: Vec<&str> =
        all.as_array().expect("an array").iter().filter_map(|queue| queue["queue"].as_str()).collect();
    assert_eq!(
        names,
        ["agents", "backtests", "data", "default", "orders"],
        "the configured ones are there without jobs"
    );
}

#[tokio::test]
async fn above_the_cap_the_depth_is_an_estimate_and_says_so() {
    let app = TestApp::start().await;
    let admin = administrator(&app).await;
    sqlx::query(
        "insert into queue.jobs (job_id, queue, kind, payload, state)
         select gen_random_uuid(), 'default', 'exercise', '{}',
                case when n % 2 = 0 then 'available' else 'blocked' end::queue.job_state
           from generate_series(1, 80000) as n",
    )
    .execute(&app.pool)
    .await
    .expect("inserted");
    let shown = queue(&admin, "default").await;
    let available = shown["depth"]["available"]["count"].as_i64().expect("a count");
    // More pages than a look reads: of the forty thousand, what the sample says.
    assert!((30_000..50_000).contains(&available), "{shown}");
    assert_eq!(shown["depth"]["available"]["approximate"], json!(true), "{shown}");
    let (_, items, _) = admin.get("/api/admin/work-items?status=PENDING").await;
    assert_eq!((&items["total"], &items["approximate"]), (&json!(10_000), &json!(true)));
    let request = json!({ "action": "cancel", "filter": { "kind": "exercise" }, "reason": "too many" });
    let (_, preview, _) = admin.post("/api/admin/bulk", &request).await;
    assert_eq!((&preview["count"], &preview["approximate"]), (&json!(10_000), &json!(true)));
}

#[tokio::test]
async fn a_paused_queue_rests_until_it_is_resumed() {
    let app = TestApp::builder().workers(1).start().await;
    let admin = administrator(&app).await;
    let path = |verb: &str| format!("/api/admin/queues/default/{verb}");
    let running =
        put(&app, Exercise { act: Act::Work { ms: 8_000 }, ..Exercise::default() }, Enqueue::default());
    let running = running.await;
    eventually("it runs", LIMIT, async || {
        admin.get(&format!("/api/admin/jobs/{running}")).await.1["state"] == "running"
    })
    .await;
    let (status, drained, _) = admin.post(&path("drain"), &because("an upgrade")).await;
    assert_eq!(status, 200, "{drained}");
    assert_eq!((&drained["paused"], &drained["draining"]), (&json!(true), &json!(true)));
    eventually("the queue has run empty", LIMIT, async || {
        queue(&admin, "default").await["draining"] == false
    })
    .await;
    let held = put(&app, Exercise::default(), Enqueue::default()).await;
    let (_, why, _) = admin.get(&format!("/api/admin/jobs/{held}/why")).await;
    assert_eq!(why["reasons"][0]["code"], "PAUSED");
    let (_, resumed, _) = admin.post(&path("resume"), &because("it is over")).await;
    assert_eq!((&resumed["paused"], &resumed["reason"]), (&json!(false), &json!("it is over")));
    eventually("it has run", LIMIT, async || {
        admin.get(&format!("/api/admin/jobs/{held}")).await.1["state"] == "completed"
    })
    .await;
    let rows: Vec<(String, String, bool, bool)> = sqlx::query_as(
        "select action, reason, (before ->> 'paused')::bool, (after ->> 'paused')::bool from audit_log
          where resource = 'queue' order by audit_id",
    )
    .fetch_all(&app.pool)
    .await
    .expect("rows");
    assert_eq!(
        rows,
        [
            ("drain_queue".into(), "an upgrade".into(), false, true),
            ("resume_queue".into(), "it is over".into(), true, false)
        ]
    );
}

#[tokio::test]
async fn a_queue_is_resized_within_bounds() {
    let app = TestApp::start().await;
    let admin = administrator(&app).await;
    let path = "/api/admin/queues/backtests";
    let (status, resized, _) =
        admin.patch(path, &json!({ "concurrency": 7, "reason": "more machines" })).await;
    assert_eq!((status.as_u16(), &resized["concurrency"]), (200, &json!(7)));
    assert_eq!(admin.patch(path, &json!({ "concurrency": null })).await.1["concurrency"], Value::Null);
    for body in [
        json!({}),
        json!({ "concurrency": 0 }),
        json!({ "concurrency": 10_001 }),
        json!({ "concurrency": "many" }),
        json!({ "concurrency": 1, "colour": "red" }),
        json!({ "concurrency": 1, "reason": "x".repeat(501) }),
    ] {
        assert_eq!(outcome(admin.patch(path, &body).await), refused(400, "INVALID_FIELD"), "{body}");
    }
    assert_eq!(count(&app, "select count(*) from audit_log where action = 'resize_queue'").await, 2);
}

/// Waits until so many handlers are at work.
async fn at_work(app: &TestApp, how_many: i64) {
    eventually(format!("{how_many} handlers are at work"), LIMIT, async || {
        let running =
            count(app, "select count(*) from queue.jobs where state = 'running' and progress is not null")
                .await;
        if running == how_many { Ok(()) } else { Err(running) }
    })
    .await;
}

fn long() -> Exercise {
    Exercise { act: Act::Work { ms: 28_000 }, ..Exercise::default() }
}

#[tokio::test]
async fn slots_set_through_the_api_reach_running_workers() {
    let one = |config: &mut jobs::config::Config| config.worker.queues = [("default".to_owned(), 1)].into();
    let app = TestApp::builder().workers(1).config(one).start().await;
    let admin = administrator(&app).await;
    for _ in 0..3 {
        put(&app, long(), Enqueue::default()).await;
    }
    at_work(&app, 1).await;
    let body = json!({ "concurrency": 3, "reason": "more memory" });
    assert_eq!(admin.patch("/api/admin/queues/default", &body).await.0, 200);
    at_work(&app, 3).await;
}

#[tokio::test]
async fn a_limit_set_through_the_api_reaches_running_workers() {
    let app = TestApp::builder().workers(2).start().await;
    let admin = administrator(&app).await;
    assert_eq!(admin.put("/api/admin/limits/desk", &json!({ "maxRunning": 1 })).await.0, 200);
    for _ in 0..3 {
        put(&app, long(), Enqueue::default().limit("desk")).await;
    }
    at_work(&app, 1).await;
    assert_eq!(admin.put("/api/admin/limits/desk", &json!({ "maxRunning": 3 })).await.0, 200);
    at_work(&app, 3).await;
}

#[tokio::test]
async fn an_unknown_queue_is_not_made_by_asking_for_it() {
    let app = TestApp::start().await;
    let admin = administrator(&app).await;
    let missing = refused(404, "NOT_FOUND");
    for name in ["nowhere", "%27%20or%201%3D1", "%00", "a%2Fb"] {
        let path = format!("/api/admin/queues/{name}");
        assert_eq!(outcome(admin.get(&path).await), missing, "{name}");
        assert_eq!(outcome(admin.patch(&path, &json!({ "concurrency": 1 })).await), missing, "{name}");
        for verb in ["pause", "resume", "drain"] {
            let path = format!("{path}/{verb}");
            assert_eq!(outcome(admin.post(&path, &because("x")).await), missing, "{path}");
        }
    }
    assert_eq!(count(&app, "select count(*) from queue.queues").await, 0);
}

#[tokio::test]
async fn limits_are_set_read_and_removed() {
    let app = TestApp::start().await;
    let admin = administrator(&app).await;
    let path = "/api/admin/limits/user%3A1%2Forders";
    assert_eq!(outcome(admin.get(path).await), refused(404, "NOT_FOUND"));
    assert_eq!(outcome(admin.delete(path).await), refused(404, "NOT_FOUND"));
    let (status, limit, _) = admin.put(path, &json!({ "maxRunning": 2, "ratePerMinute": 60 })).await;
    assert_eq!(status, 200, "{limit}");
    assert_eq!(
        [&limit["key"], &limit["maxRunning"], &limit["ratePerMinute"], &limit["running"]],
        [&json!("user:1/orders"), &json!(2), &json!(60), &json!(0)]
    );
    let (_, limit, _) = admin.put(path, &json!({ "maxRunning": 0 })).await;
    assert_eq!((&limit["maxRunning"], &limit["ratePerMinute"]), (&json!(0), &Value::Null));
    assert_eq!(admin.get("/api/admin/limits").await.1.as_array().map(Vec::len), Some(1));
    for body in [
        json!({}),
        json!({ "maxRunning": -1 }),
        json!({ "ratePerMinute": 0 }),
        json!({ "maxRunning": 1.5 }),
        json!({ "maxRunning": 1, "max": 2 }),
    ] {
        assert_eq!(outcome(admin.put(path, &body).await), refused(400, "INVALID_FIELD"), "{body}");
    }
    let long = format!("/api/admin/limits/{}", "k".repeat(201));
    assert_eq!(outcome(admin.put(&long, &json!({ "maxRunning": 1 })).await), refused(400, "INVALID_FIELD"));
    assert_eq!(admin.delete(path).await.0, 200);
    assert_eq!(count(&app, "select count(*) from queue.limits").await, 0);
    let rows: Vec<(String, Option<i32>, Option<i32>)> = sqlx::query_as(
        "select action, (before ->> 'maxRunning')::int, (after ->> 'maxRunning')::int from audit_log
          where resource = 'limit' and resource_id = 'user:1/orders' order by audit_id",
    )
    .fetch_all(&app.pool)
    .await
    .expect("rows");
    assert_eq!(
        rows,
        [
            ("set_limit".into(), None, Some(2)),
            ("set_limit".into(), Some(2), Some(0)),
            ("remove_limit".into(), Some(0), None)
        ]
    );
}
