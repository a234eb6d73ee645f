//! What the tables and the sources themselves promise.

use std::{
    fs,
    path::{Path, PathBuf},
};

use jobs::{
    kinds::exercise::{Act, Exercise},
    queue::Enqueue,
};
use sqlx::AssertSqlSafe;
use suites::TestApp;

use super::{act, attempts, put, reaches};

/// Returns the sources under `folder` of the workspace, with their text.
pub(super) fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the root");
    let (mut folders, mut found) = (vec![root.join(folder)], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the folder is there") {
            let path = entry.expect("a readable entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("readable text");
                found.push((path, text));
            }
        }
    }
    found
}

#[tokio::test]
async fn what_has_ended_is_cold_and_has_its_time_and_what_has_not_is_hot() {
    let app = TestApp::builder().workers(1).start().await;
    let id = act(&app, Act::Succeed).await;
    let done = reaches(&app, id, "completed").await;
    assert!(done.finished_at.is_some());
    let places: (i64, i64) = sqlx::query_as(
        "select (select count(*) from queue.jobs where job_id = $1),
                (select count(*) from queue.finished where job_id = $1 and finished_at is not null)",
    )
    .bind(id)
    .fetch_one(&app.pool)
    .await
    .expect("counted");
    assert_eq!(places, (0, 1));
    let hot = |state: &str| {
        format!(
            "insert into queue.jobs (job_id, queue, kind, payload, state)
             values (gen_random_uuid(), 'q', 'k', '{{}}', '{state}')"
        )
    };
    let cold = |state: &str, at: &str| {
        format!(
            "insert into queue.finished (job_id, queue, kind, payload, state, priority, attempt, failures,
                    crashes, run_at, created_at, finished_at)
             values (gen_random_uuid(), 'q', 'k', '{{}}', '{state}', 0, 1, 0, 0, now(), now(), {at})"
        )
    };
    let mut refused = Vec::new();
    for state in ["completed", "cancelled", "discarded"] {
        refused.extend([hot(state), cold(state, "null")]);
    }
    for state in ["scheduled", "blocked", "available", "running", "retryable", "indeterminate", "quarantined"]
    {
        refused.push(cold(state, "now()"));
    }
    // A lease without an attempt that runs, and the other way round.
    refused.push(hot("running"));
    for statement in refused {
        let done = sqlx::raw_sql(AssertSqlSafe(statement.clone())).execute(&app.pool).await;
        assert!(done.is_err(), "accepted: {statement}");
    }
    for statement in [hot("available"), cold("completed", "now()")] {
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&app.pool).await.expect("the control is accepted");
    }
}

#[tokio::test]
async fn no_table_of_the_queue_has_a_trigger() {
    let app = TestApp::start().await;
    let triggers: Vec<String> = sqlx::query_scalar(
        "select t.tgname::text
           from pg_trigger t
           join pg_class c on c.oid = t.tgrelid
          where c.relnamespace = 'queue'::regnamespace and not t.tgisinternal",
    )
    .fetch_all(&app.pool)
    .await
    .expect("read");
    assert!(triggers.is_empty(), "{triggers:?}");
}

#[tokio::test]
async fn the_index_of_the_claim_is_in_claim_order_and_partial() {
    let app = TestApp::start().await;
    let definition: String =
        sqlx::query_scalar("select indexdef from pg_indexes where indexname = 'jobs_claim'")
            .fetch_one(&app.pool)
            .await
            .expect("the index is there");
    let expected = "(queue, priority, run_at, job_id) WHERE (state = 'available'::queue.job_state)";
    assert!(definition.ends_with(expected), "{definition}");
    let claim = sources("jobs/src/queue").into_iter().find(|(path, _)| path.ends_with("claim.rs"));
    let (_, text) = claim.expect("claiming has a file");
    assert!(text.contains("state = 'available'"), "a bound parameter would miss the partial index");
}

#[test]
fn every_change_of_state_names_the_state_before_it() {
    let mut changes = 0;
    for (path, text) in sources("jobs/src/queue") {
        for (at, _) in text.match_indices("update queue.jobs") {
            let statement = literal(&text, at);
            let flat = statement.split_whitespace().collect::<Vec<_>>().join(" ");
            let (_, after) = flat.split_once("update queue.jobs").expect("it was found by this");
            let sets = after.split(" where ").next().unwrap_or_default();
            if !sets.contains("set state =") && !sets.contains(" state = case") && !sets.contains(", state =")
            {
                continue;
            }
            changes += 1;
            let conditions = flat.split(" where ").skip(1);
            // Whatever has a lease token runs: the check `jobs_running_are_leased`.
            let names = ["state = '", "state in ('", "lease_token = "];
            let judged =
                conditions.into_iter().any(|condition| names.iter().any(|name| condition.contains(name)));
            assert!(judged, "{} changes the state whatever it was: {flat}", path.display());
        }
    }
    assert!(changes >= 8, "only {changes} changes were looked at");
}

/// Returns the string literal around `at`.
pub(super) fn literal(text: &str, at: usize) -> &str {
    let before = &text[..at];
    let (start, end) = match before.rfind("r#\"") {
        Some(start) if !before[start..].contains("\"#") => (start + 3, "\"#"),
        _ => (before.rfind('"').map_or(0, |quote| quote + 1), "\""),
    };
    let length = text[at..].find(end).unwrap_or(text.len() - at);
    &text[start..at + length]
}

#[tokio::test]
async fn nothing_of_the_product_relaxes_durability() {
    for folder in ["api/src", "jobs/src", "worker/src"] {
        for (path, text) in sources(folder) {
            // The tests' own server and the bench say what they do; the product never sets it.
            let own = path
                .components()
                .any(|part| ["postgres", "bench"].iter().any(|name| part.as_os_str() == *name));
            assert!(own || !text.contains("synchronous_commit"), "{}", path.display());
        }
    }
    let app = TestApp::start().await;
    let pool = jobs::db::pool(&app.config.database, "test").expect("a URL");
    let set: String = sqlx::query_scalar("select current_setting('synchronous_commit')")
        .fetch_one(&pool)
        .await
        .expect("read");
    assert_eq!(set, "on");
}

#[tokio::test]
async fn times_carry_microseconds_and_ids_are_of_version_7() {
    let app = TestApp::builder().workers(1).start().await;
    let mut fractions = Vec::new();
    for _ in 0..5 {
        let known = Enqueue::new_id();
        assert_eq!(known.get_version_num(), 7);
        let id = put(&app, Exercise::default(), Enqueue::default().id(known)).await;
        assert_eq!(id, known, "the caller knows it before the insert");
        let done = reaches(&app, id, "completed").await;
        for at in [Some(done.created_at), done.started_at, done.finished_at] {
            fractions.push(at.expect("it ran").timestamp_subsec_micros() % 1000);
        }
        let unnamed = act(&app, Act::Succeed).await;
        assert_eq!(unnamed.get_version_num(), 7);
    }
    assert!(fractions.iter().any(|micros| *micros != 0), "every time is a whole millisecond: {fractions:?}");
}

#[tokio::test]
async fn every_attempt_says_who_when_and_why() {
    let app = TestApp::builder().workers(1).start().await;
    let job = Exercise { act: Act::Fail { times: 1 }, ..Exercise::default() };
    let id = put(&app, job, Enqueue::default().trace_id("0af7651916cd43dd8448eb211c80319c")).await;
    reaches(&app, id, "completed").await;
    let seen = attempts(&app, id).await;
    let failed = &seen[0];
    assert!(failed.worker_id.is_some() && failed.started_at.is_some_and(|at| at <= failed.ended_at));
    assert_eq!(failed.error_class.as_deref(), Some("EXERCISE"));
    assert!(failed.message.as_deref().is_some_and(|message| message.contains("failing attempt 1")));
    assert!(failed.fingerprint.is_some());
    let traces: Vec<Option<String>> =
        sqlx::query_scalar("select trace_id from queue.attempt_history where job_id = $1 order by attempt")
            .bind(id)
            .fetch_all(&app.pool)
            .await
            .expect("read");
    assert_eq!(traces, vec![Some("0af7651916cd43dd8448eb211c80319c".to_owned()); 2]);
}

#[tokio::test]
async fn statistics_of_a_quiet_minute_do_not_lead_the_ends_of_attempts_astray() {
    let app = TestApp::start().await;
    // All of them wait when the statistics are taken: none runs, says the planner.
    sqlx::raw_sql(
        "insert into queue.jobs (job_id, queue, kind, payload, state)
         select gen_random_uuid(), 'q', 'k', '{}', 'available' from generate_series(1, 5000);
         analyze queue.jobs",
    )
    .execute(&app.pool)
    .await
    .expect("five thousand jobs");
    let mut seen = 0;
    for (path, text) in sources("jobs/src/queue") {
        if path.file_name().is_none_or(|name| name != "ack.rs") {
            continue;
        }
        for (at, _) in text.match_indices("unnest($1::uuid[], $2::int[], $3::uuid[]") {
            let statement = literal(&text, at);
            seen += 1;
            let more = (4..=8).filter(|place| statement.contains(&format!("${place}::"))).map(|place| {
                let kind = statement.split(&format!("${place}::")).nth(1).expect("it is there");
                format!(", array[null]::{}", kind.split([',', ')']).next().expect("a type"))
            });
            let more: String = more.collect();
            let explain = format!(
                "prepare ending as {statement};
                 explain execute ending(array[gen_random_uuid()], array[1], array[gen_random_uuid()]{more})"
            );
            let mut conn = app.pool.acquire().await.expect("a connection");
            let plan: Vec<String> = sqlx::raw_sql(AssertSqlSafe(explain))
                .fetch_all(&mut *conn)
                .await
                .expect("a plan")
                .iter()
                .map(|row| sqlx::Row::get(row, 0))
                .collect();
            sqlx::raw_sql("deallocate ending").execute(&mut *conn).await.expect("forgotten");
            let plan = plan.join("\n");
            assert!(plan.contains("jobs_pkey") && !plan.contains("jobs_running"), "{plan}");
        }
    }
    assert_eq!(seen, 2, "completions, and what is put back");
}

#[tokio::test]
async fn one_plan_fits_all_large_claims_and_finds_rows_by_their_place() {
    let app = TestApp::start().await;
    sqlx::raw_sql(
        "insert into queue.jobs (job_id, queue, kind, payload, state)
         select gen_random_uuid(), 'default', 'exercise', '{}', 'available' from generate_series(1, 20000);
         analyze queue.jobs",
    )
    .execute(&app.pool)
    .await
    .expect("a backlog");
    let (_, text) = sources("jobs/src/queue")
        .into_iter()
        .find(|(path, _)| path.ends_with("claim.rs"))
        .expect("claiming has a file");
    let statement = literal(&text, text.find("update queue.jobs").expect("the claim's statement"));
    let mut conn = app.pool.acquire().await.expect("a connection");
    let types = "text, text[], bigint, uuid, uuid, float8, smallint, timestamptz, uuid";
    sqlx::raw_sql(AssertSqlSafe(format!("prepare claiming({types}) as {statement}")))
        .execute(&mut *conn)
        .await
        .expect("prepared");
    let claim =
        "execute claiming('default', array['exercise'], 150, gen_random_uuid(), gen_random_uuid(), 60,
                                  -32768, '-infinity', '00000000-0000-0000-0000-000000000000')";
    for _ in 0..8 {
        let claimed = sqlx::raw_sql(claim).fetch_all(&mut *conn).await.expect("a claim");
        assert_eq!(claimed.len(), 150);
    }
    let generic: i64 =
        sqlx::query_scalar("select generic_plans from pg_prepared_statements where name = 'claiming'")
            .fetch_one(&mut *conn)
            .await
            .expect("statistics of it");
    assert!(generic > 0, "each claim was planned anew");
    let plan: Vec<String> = sqlx::raw_sql(AssertSqlSafe(format!("explain {claim}")))
        .fetch_all(&mut *conn)
        .await
        .expect("a plan")
        .iter()
        .map(|row| sqlx::Row::get(row, 0))
        .collect();
    let plan = plan.join("\n");
    assert!(plan.contains("Tid Scan") && plan.contains("jobs_claim") && !plan.contains("Sort"), "{plan}");
    sqlx::raw_sql("deallocate claiming").execute(&mut *conn).await.expect("forgotten");
}
