//! Agents whose clock is killed again and again, with an exchange that keeps a ledger.
//!
//! The promise: one cycle a tick, one decision a symbol and window, one order a decision. The check is
//! pure, so that a control can show what it would notice.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use jobs::db::agents;
use sqlx::PgPool;
use suites::{Capstan, Sandbox, SandboxLedger, TestDatabase, eventually};
use uuid::Uuid;

use super::{
    fleet::Fleet,
    tier::{say, sized},
};

/// Everything that is listed at the exchange.
const SYMBOLS: [&str; 5] = ["AAPL", "FB", "GOOG", "IBM", "MSFT"];
/// Users with an agent each.
const USERS: usize = 4;
/// What is under way when the blows end is carried through within this.
const CALM: Duration = Duration::from_mins(3);
/// Leaders that have to die.
const KILLS: u32 = 3;

/// What is recorded, and what the exchange has.
#[derive(Debug, Clone, Default)]
struct Records {
    /// User and tick of each finished or unfinished job, and of each cycle.
    jobs: Vec<(Uuid, String)>,
    cycles: Vec<(Uuid, String)>,
    /// User, symbol and window of each decision of a cycle.
    decided: Vec<(Uuid, String, String)>,
    /// Decision and client order id of each order of one.
    orders: Vec<(Uuid, String)>,
    /// Client order ids that the exchange accepted.
    accepted: Vec<String>,
}

/// Returns what is there more than once, in words; nothing when the promise was kept.
fn repeated(records: &Records) -> Vec<String> {
    let mut found = Vec::new();
    twice(&mut found, "job of a tick", records.jobs.iter().map(|key| format!("{key:?}")));
    twice(&mut found, "cycle of a tick", records.cycles.iter().map(|key| format!("{key:?}")));
    twice(&mut found, "decision of a window", records.decided.iter().map(|key| format!("{key:?}")));
    twice(&mut found, "order of a decision", records.orders.iter().map(|(decision, _)| decision.to_string()));
    let of: BTreeMap<&str, Uuid> = records.orders.iter().map(|(id, client)| (client.as_str(), *id)).collect();
    let theirs = records.accepted.iter().map(|client| match of.get(client.as_str()) {
        Some(decision) => decision.to_string(),
        None => format!("nobody's {client}"),
    });
    let theirs: Vec<String> = theirs.collect();
    found.extend(theirs.iter().filter(|of| of.starts_with("nobody")).cloned());
    twice(&mut found, "order at the exchange of a decision", theirs.into_iter());
    found
}

fn twice(found: &mut Vec<String>, what: &str, keys: impl Iterator<Item = String>) {
    let mut counts = BTreeMap::new();
    for key in keys {
        *counts.entry(key).or_insert(0) += 1;
    }
    found.extend(counts.into_iter().filter(|(_, n)| *n > 1).map(|(key, n)| format!("{n} × {what}: {key}")));
}

async fn records(pool: &PgPool, ledger: &SandboxLedger) -> sqlx::Result<Records> {
    let ticks =
        "select (payload->>'user_id')::uuid, payload->>'tick' from queue.jobs where kind = 'run_cycle'
                  union all
                 select (payload->>'user_id')::uuid, payload->>'tick' from queue.finished
                  where kind = 'run_cycle'";
    // What came with an entry is part of it; each leg has an entry of ours.
    let legs: Vec<String> =
        sqlx::query_scalar("select client_order_id from orders where parent_order_id is not null")
            .fetch_all(pool)
            .await?;
    let accepted = ledger.orders.iter().map(|order| order.client_order_id.clone());
    Ok(Records {
        jobs: sqlx::query_as(ticks).fetch_all(pool).await?,
        cycles: sqlx::query_as("select user_id, tick::text from cycles").fetch_all(pool).await?,
        decided: sqlx::query_as(
            "select user_id, symbol, window_start::text from ai_decisions where origin = 'cycle'",
        )
        .fetch_all(pool)
        .await?,
        orders: sqlx::query_as(
            "select decision_id, client_order_id
               from orders
              where decision_id is not null and origin = 'cycle'",
        )
        .fetch_all(pool)
        .await?,
        accepted: accepted.filter(|client| !legs.contains(client)).collect(),
    })
}

/// Makes a user whose agent may buy everything, and starts it.
async fn trader(pool: &PgPool) -> Uuid {
    let user = Uuid::now_v7();
    for statement in [
        "insert into users (user_id, username, password_hash) values ($1, $1::text, 'none')",
        "insert into risk_settings (user_id, max_position_size_percent, max_total_exposure_percent,
                                    max_positions_count, daily_loss_limit_percent)
         values ($1, 100, 100, 100, 100)",
        "insert into universe_candidates (user_id, symbol, status, tier, liquidity_score, score, rationale)
         select $1, symbol, 'APPROVED', 'A', 1, 0.5, 'a drill' from universe_assets",
    ] {
        sqlx::query(statement).bind(user).execute(pool).await.expect("the trader is set up");
    }
    let mut conn = pool.acquire().await.expect("a connection");
    agents::set_interval(&mut conn, user, 5).await.expect("the interval is set");
    agents::start(&mut conn, user).await.expect("the agent starts");
    user
}

/// Keeps the exchange's prices, and bars that rise to them, as connectors would.
async fn market(pool: &PgPool, exchange: &Sandbox) {
    for symbol in SYMBOLS {
        let price = price(exchange, symbol).await;
        for statement in [
            "insert into universe_assets (symbol) select $1 where $2::float8 > 0 on conflict do nothing",
            "insert into market_quotes (symbol, price, as_of, provider)
             values ($1, $2::float8::numeric, '2024-03-04T14:30:00Z', 'drill')",
            "insert into market_bars (symbol, dates, open, high, low, close, volume, provider)
             select $1, array_agg('2023-10-01'::date + n order by n), array_agg(p order by n),
                    array_agg(p * 1.005 order by n), array_agg(p * 0.995 order by n), array_agg(p order by n),
                    array_agg(1000000.0 order by n), 'drill'
               from (select n, $2::float8 * (0.6 + 0.4 * n / 120.0) as p from generate_series(1, 120) as n) as b",
        ] {
            let done = sqlx::query(sqlx::AssertSqlSafe(statement)).bind(symbol).bind(price).execute(pool).await;
            done.unwrap_or_else(|error| panic!("{statement}: {error}"));
        }
    }
}

/// Returns what the symbol costs at the exchange.
async fn price(exchange: &Sandbox, symbol: &str) -> f64 {
    let url = format!("{}/v2/stocks/{symbol}/trades/latest", exchange.url);
    let request = reqwest::Client::new().get(url).header("APCA-API-KEY-ID", "chaos");
    let answer = request.header("APCA-API-SECRET-KEY", "chaos").send().await.expect("the exchange answers");
    let told: serde_json::Value = answer.json().await.expect("it answers in JSON");
    told["trade"]["p"].as_f64().unwrap_or_else(|| panic!("there is no price in {told}"))
}

/// Kills the process that leads the clock, if one does.
async fn behead(pool: &PgPool, fleet: &mut Fleet) -> bool {
    let pid: Option<i32> = sqlx::query_scalar(
        "select w.pid
           from queue.leadership l
           join queue.workers w on w.worker_id = l.holder
          where l.role = 'cycles'",
    )
    .fetch_optional(pool)
    .await
    .expect("the database answers");
    let leads = |id: u32| pid.is_some_and(|pid| u32::try_from(pid) == Ok(id));
    let Some(index) = fleet.workers.iter().position(|worker| leads(worker.id())) else { return false };
    fleet.kill(index);
    true
}

/// Whether so much has happened that the drill proves something.
async fn enough(pool: &PgPool, kills: u32) -> bool {
    let (cycles, decided, sent): (i64, i64, i64) = sqlx::query_as(
        "select (select count(*) from cycles), (select count(*) from ai_decisions where origin = 'cycle'),
                (select count(*) from orders where broker_order_id is not null)",
    )
    .fetch_one(pool)
    .await
    .expect("the database answers");
    let at_least = |seen: i64, least: usize| usize::try_from(seen).is_ok_and(|seen| seen >= least);
    kills >= KILLS
        && at_least(cycles, USERS * 2)
        && at_least(decided, USERS * SYMBOLS.len() / 2)
        && at_least(sent, 1)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tick_has_one_cycle_and_a_decision_one_order_whoever_dies() {
    let database = TestDatabase::create().await;
    let pool = &database.pool;
    let exchange = Sandbox::start(11, 0.5).await;
    let answers = Duration::from_secs(2);
    let apis = [(), ()].map(|()| exchange.brokers(Capstan::api(database.url()), answers).start());
    let fleet = Fleet::new(database.url(), "orders=4,agents=4")
        .env("CAPSTAN__QUEUE__CRASH_BUDGET", "1000")
        .env("CAPSTAN__CYCLE__QUOTE_MAX_AGE_S", "3600");
    let fleet =
        exchange.settings(answers).into_iter().fold(fleet, |fleet, (key, value)| fleet.env(key, &value));
    let mut fleet = fleet.with(3).await;
    market(pool, &exchange).await;
    for _ in 0..USERS {
        trader(pool).await;
    }
    let (begun, mut kills) = (Instant::now(), 0_u32);
    loop {
        let late = begun.elapsed() >= sized(Duration::from_secs(20), Duration::from_mins(3));
        // A slow machine gets more time, in which leaders live.
        if late && (begun.elapsed() >= sized(CALM, CALM * 2) || enough(pool, kills).await) {
            break;
        }
        // More ticks than the clock alone would give, and windows that open anew.
        sqlx::query("update agent_status set next_cycle_at = clock_timestamp() where is_running")
            .execute(pool)
            .await
            .expect("the database answers");
        if !late || kills < KILLS {
            kills += u32::from(behead(pool, &mut fleet).await);
        }
        tokio::time::sleep(Duration::from_millis(1500)).await;
    }
    sqlx::query("update agent_status set is_running = false, next_cycle_at = null")
        .execute(pool)
        .await
        .expect("the database answers");
    fleet.serves().await;
    eventually("nothing is left to be done", CALM, async || {
        let left: Vec<(String, String, i64)> = sqlx::query_as(
            "select kind, state::text, count(*) from queue.jobs
              where kind in ('run_cycle', 'submit_order') group by 1, 2",
        )
        .fetch_all(pool)
        .await
        .map_err(|error| error.to_string())?;
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
    })
    .await;
    drop(apis);
    let records = records(pool, &exchange.ledger().await).await.expect("the records are read");
    assert_eq!(repeated(&records), Vec::<String>::new());
    assert!(kills >= KILLS, "only {kills} leaders were killed");
    assert!(records.cycles.len() >= USERS * 2, "only {} cycles", records.cycles.len());
    assert!(records.decided.len() >= USERS * SYMBOLS.len() / 2, "only {} decisions", records.decided.len());
    let refused: Vec<(String, Option<String>, i64)> =
        sqlx::query_as("select status, skip_reason, count(*) from ai_decisions group by 1, 2")
            .fetch_all(pool)
            .await
            .expect("the decisions are read");
    assert!(!records.accepted.is_empty(), "nothing was ordered: {refused:?}");
    say(&format!(
        "{kills} leaders killed; {} cycles, {} decisions, {} orders, each once",
        records.cycles.len(),
        records.decided.len(),
        records.accepted.len()
    ));
}

#[test]
fn the_check_finds_what_is_there_twice() {
    let (user, decision) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let sound = Records {
        jobs: vec![(user, "t".into())],
        cycles: vec![(user, "t".into())],
        decided: vec![(user, "AAPL".into(), "w".into())],
        orders: vec![(decision, "c".into())],
        accepted: vec!["c".into()],
    };
    assert!(repeated(&sound).is_empty());
    let forged: [fn(&mut Records); 6] = [
        |records| records.jobs.extend(records.jobs.clone()),
        |records| records.cycles.extend(records.cycles.clone()),
        |records| records.decided.extend(records.decided.clone()),
        |records| records.orders.push((records.orders[0].0, "another".into())),
        |records| records.accepted.extend(records.accepted.clone()),
        |records| records.accepted.push("nobody's".into()),
    ];
    for (number, forge) in forged.iter().enumerate() {
        let mut records = sound.clone();
        forge(&mut records);
        assert!(!repeated(&records).is_empty(), "forgery {number} goes unnoticed: {records:?}");
    }
}
