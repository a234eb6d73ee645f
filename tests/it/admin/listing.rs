//! Finding jobs, and looking at one.

use std::collections::BTreeSet;

use jobs::{
    kinds::exercise::{Act, Exercise},
    queue::Enqueue,
};
use serde_json::{Value, json};
use suites::{SignedIn, TestApp, eventually};
use uuid::Uuid;

use super::{LATER, LIMIT, administrator, count, discarded, failing, finish, outcome, put, refused, waiting};

async fn ids(admin: &SignedIn, query: &str) -> BTreeSet<String> {
    let (status, jobs, _) = admin.get(&format!("/api/admin/jobs?{query}")).await;
    assert_eq!(status, 200, "{query}: {jobs}");
    let jobs = jobs.as_array().expect("an array");
    jobs.iter().map(|job| job["id"].as_str().expect("an id").to_owned()).collect()
}

#[tokio::test]
async fn pages_walk_over_waiting_and_finished_jobs_and_meet_each_once() {
    let app = TestApp::start().await;
    let admin = administrator(&app).await;
    let mut expected = Vec::new();
    for n in 0..11 {
        let id = waiting(&app).await;
        if n % 3 == 0 {
            finish(&app, id, "completed", None).await;
        }
        expected.push(id.to_string());
    }
    expected.reverse();
    let mut seen = Vec::new();
    let mut next = Some("/api/admin/jobs?limit=4&kind=exercise".to_owned());
    while let Some(path) = next {
        let (status, page, headers) = admin.get(&path).await;
        assert_eq!(status, 200, "{page}");
        let page = page.as_array().expect("an array");
        seen.extend(page.iter().map(|job| job["id"].as_str().expect("an id").to_owned()));
        // A job that finishes between two pages is not met again.
        if seen.len() == 4 {
            finish(&app, expected[2].parse().expect("an id"), "cancelled", None).await;
        }
        next = headers.get("link").map(|link| {
            let link = link.to_str().expect("text");
            link[1..].split('>').next().expect("a target").to_owned()
        });
    }
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn each_filter_finds_its_jobs() {
    let app = TestApp::start().await;
    let admin = administrator(&app).await;
    let plain = waiting(&app).await.to_string();
    let tagged = Enqueue::default().delay(LATER).tag("blue").trace_id("trace-1");
    let unique = Exercise { act: Act::Work { ms: 7 }, unique: Some("u-1".into()), ..Exercise::default() };
    let tagged = put(&app, unique, tagged).await.to_string();
    let dead = discarded(&app, "BROKER: order 17 timed out").await.to_string();
    let twin = discarded(&app, "BROKER: order 47 timed out").await.to_string();
    discarded(&app, "BROKER: refused").await;
    let (_, errors, _) = admin.get("/api/admin/errors").await;
    let group = errors["groups"].as_array().expect("groups").iter().find(|group| group["count"] == 2);
    let group = group.expect("two failures alike");
    let fingerprint = group["fingerprint"].as_str().expect("a fingerprint").to_owned();
    assert_eq!((&group["errorClass"], &group["kinds"]), (&json!("BROKER"), &json!(["exercise"])));

    let set = |ids: &[&String]| ids.iter().map(|id| (*id).clone()).collect::<BTreeSet<_>>();
    for (query, expected) in [
        ("tag=blue", set(&[&tagged])),
        ("trace_id=trace-1", set(&[&tagged])),
        ("args.act=work", set(&[&tagged])),
        ("args.ms=7", set(&[&tagged])),
        ("args.unique=u-1&state=scheduled", set(&[&tagged])),
        ("args=%7B%22ms%22%3A7%7D", set(&[&tagged])),
        ("state=scheduled", set(&[&plain, &tagged])),
        ("state=scheduled&queue=default&kind=exercise", set(&[&plain, &tagged])),
        ("state=scheduled&queue=elsewhere", set(&[])),
        (&format!("error={fingerprint}"), set(&[&dead, &twin])),
        (&format!("error={fingerprint}&state=completed"), set(&[])),
        ("state=scheduled&since=2099-01-01T00:00:00Z", set(&[])),
        ("state=scheduled&until=2020-01-01T00:00:00%2B01:00", set(&[])),
        ("state=scheduled&since=2020-01-01T00:00:00Z", set(&[&plain, &tagged])),
        ("state=scheduled&until=2099-01-01T00:00:00Z", set(&[&plain, &tagged])),
        ("state=running", set(&[])),
    ] {
        assert_eq!(ids(&admin, query).await, expected, "{query}");
    }
    assert_eq!(ids(&admin, "").await.len(), 5);
    assert_eq!(ids(&admin, "state=discarded,scheduled").await.len(), 5);
}

#[tokio::test]
async fn no_filter_breaks_out_of_its_place() {
    let app = TestApp::start().await;
    let admin = administrator(&app).await;
    waiting(&app).await;
    for evil in [
        "'%20or%20'1'%3D'1",
        "x')%3B%20drop%20table%20queue.jobs%3B--",
        "%24%241",
        "%7B%7D",
        "%5C'",
        "a%22b",
        "%25",
        "_",
    ] {
        for name in ["kind", "queue", "tag", "error", "trace_id", "args.act"] {
            assert_eq!(ids(&admin, &format!("{name}={evil}")).await, BTreeSet::new(), "{name}={evil}");
        }
        let path = format!("args.{evil}=1");
        if !evil.contains('.') {
            assert_eq!(ids(&admin, &path).await, BTreeSet::new(), "{path}");
        }
        let answer = outcome(admin.get(&format!("/api/admin/jobs?state={evil}")).await);
        assert_eq!(answer, refused(400, "INVALID_FILTER"), "{evil}");
    }
    assert_eq!(count(&app, "select count(*) from queue.jobs").await, 1);
}

#[tokio::test]
async fn what_is_no_filter_is_refused() {
    let app = TestApp::start().await;
    let admin = administrator(&app).await;
    for (query, code) in [
        ("state=pending", "INVALID_FILTER"),
        ("colour=red", "INVALID_FILTER"),
        ("since=yesterday", "INVALID_FILTER"),
        ("kind=", "INVALID_FILTER"),
        ("kind=%00", "INVALID_FILTER"),
        ("args=nonsense", "INVALID_FILTER"),
        ("args.a..b=1", "INVALID_FILTER"),
        ("limit=0", "INVALID_QUERY"),
        ("limit=501", "INVALID_QUERY"),
        ("cursor=zz", "INVALID_CURSOR"),
        ("cursor=7b7d", "INVALID_CURSOR"),
    ] {
        let answer = outcome(admin.get(&format!("/api/admin/jobs?{query}")).await);
        assert_eq!(answer, refused(400, code), "{query}");
    }
}

#[tokio::test]
async fn a_job_is_shown_with_its_attempts_and_its_end() {
    let app = TestApp::builder().workers(1).start().await;
    let admin = administrator(&app).await;
    let fails_once = Exercise { act: Act::Fail { times: 1 }, ..Exercise::default() };
    let id = put(&app, fails_once, Enqueue::default().tag("t").trace_id("trace-9")).await;
    let path = format!("/api/admin/jobs/{id}");
    let job = eventually("the job is completed", LIMIT, async || {
        let (_, job, _) = admin.get(&path).await;
        if job["state"] == "completed" { Ok(job) } else { Err(job) }
    })
    .await;
    assert_eq!((&job["output"], &job["progress"]), (&json!({ "attempt": 2 }), &json!(100)));
    assert_eq!((&job["payload"]["act"], &job["payload"]["times"]), (&json!("fail"), &json!(1)));
    assert_eq!((&job["tags"], &job["traceId"]), (&json!(["t"]), &json!("trace-9")));
    let attempts = job["attempts"].as_array().expect("attempts");
    let outcomes: Vec<&Value> = attempts.iter().map(|attempt| &attempt["outcome"]).collect();
    assert_eq!(outcomes, ["retryable", "completed"]);
    assert_eq!(job["why"][0]["code"], "FINISHED");
    for field in ["logs", "steps", "waitsFor", "awaitedBy"] {
        assert!(job[field].is_array(), "{field}: {job}");
    }
    let nobody = format!("/api/admin/jobs/{}", Uuid::now_v7());
    assert_eq!(outcome(admin.get(&nobody).await), refused(404, "NOT_FOUND"));
    assert_eq!(outcome(admin.get(&format!("{nobody}/why")).await), refused(404, "NOT_FOUND"));
    assert_eq!(outcome(admin.get("/api/admin/jobs/no-id").await), refused(404, "NOT_FOUND"));
}

#[tokio::test]
async fn a_discarded_job_has_the_fingerprint_that_its_worker_would_give_it() {
    let mut app = TestApp::start().await;
    let admin = administrator(&app).await;
    let fails = Exercise { act: Act::Fail { times: 99 }, ..Exercise::default() };
    let id = put(&app, fails, Enqueue::default().max_failures(2)).await;
    put(&app, failing(), Enqueue::default()).await;
    app.start_worker();
    eventually("both are discarded", LIMIT, async || {
        count(&app, "select count(*) from queue.finished where state = 'discarded'").await == 2
    })
    .await;
    let (_, errors, _) = admin.get("/api/admin/errors").await;
    let groups = errors["groups"].as_array().expect("groups");
    assert_eq!(groups.len(), 2, "{errors}");
    assert_eq!((&groups[0]["count"], &groups[0]["jobs"]), (&json!(2), &json!(1)), "{errors}");
    assert_eq!(groups[0]["sampleJobId"], json!(id.to_string()));
    assert!(groups[0]["sample"].as_str().expect("text").starts_with("failing attempt"), "{errors}");
    for (query, code) in [("limit=0", "INVALID_QUERY"), ("since=x", "INVALID_QUERY")] {
        let answer = outcome(admin.get(&format!("/api/admin/errors?{query}")).await);
        assert_eq!(answer, refused(400, code), "{query}");
    }
}
