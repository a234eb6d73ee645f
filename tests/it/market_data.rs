//! The shipped market data in the database: loaded once, extended, replaced, never half.

use std::{collections::BTreeMap, fmt::Write};

use chrono::NaiveDate;
use domain::{
    bars::{Provenance, Series},
    calendar, continuation,
};
use futures::future::try_join_all;
use jobs::{
    db::bars,
    market_data::{Outcome, csv, load, load_shipped},
};
use sqlx::{Connection, PgConnection, PgPool};
use suites::TestDatabase;

const SHIPPED: [&str; 5] = ["AAPL", "FB", "GOOG", "IBM", "MSFT"];

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a date of this test is valid")
}

fn names(symbols: &[&str]) -> Vec<String> {
    symbols.iter().map(|symbol| (*symbol).to_owned()).collect()
}

/// A database without bars, whatever the template holds.
async fn empty() -> TestDatabase {
    let database = TestDatabase::create().await;
    sqlx::raw_sql("truncate bars, bar_sets").execute(&database.pool).await.expect("the tables exist");
    database
}

async fn connect(database: &TestDatabase) -> PgConnection {
    PgConnection::connect(database.url()).await.expect("the test's database takes connections")
}

async fn rows(pool: &PgPool) -> i64 {
    sqlx::query_scalar("select count(*) from bars").fetch_one(pool).await.expect("the table exists")
}

/// Forty sessions of a made-up share, the closes beginning at `first`; lives as long as the test.
fn file(first: f64) -> &'static str {
    let mut text = format!("{}\n", csv::HEADER);
    for (i, date) in calendar::sessions(day("2012-01-03"), day("2012-02-29")).enumerate() {
        let close = first + (i % 7) as f64;
        writeln!(text, "{date},{close},{},{},{close},100", close + 1.0, close - 1.0).expect("a string grows");
    }
    text.leak()
}

#[tokio::test]
async fn the_stored_series_are_the_shipped_files_and_their_continuation_bit_for_bit() {
    let database = empty().await;
    let summary = load_shipped(&database.pool, day("2020-05-01")).await.expect("the shipped files load");
    assert_eq!(summary.symbols.iter().map(|(symbol, _)| symbol.as_str()).collect::<Vec<_>>(), SHIPPED);
    assert_eq!(i64::try_from(summary.written()).ok(), Some(rows(&database.pool).await));
    let mut conn = connect(&database).await;
    let ever = (day("1970-01-01"), day("2100-12-31"));
    for (symbol, text) in csv::shipped() {
        let real = csv::parse(symbol, text).expect("a shipped file is sound");
        // Through the end of 2024, although today is earlier.
        let simulated = continuation::continuation(&real, day("2024-12-31")).expect("long enough");
        let stored = bars::series(&mut conn, symbol, ever.0, ever.1).await.expect("the bars can be read");
        assert_eq!(stored.len(), real.len() + simulated.len());
        assert_eq!(part(&stored, 0, real.len()), real);
        assert_eq!(part(&stored, real.len(), stored.len()), simulated);
    }
    let january = bars::series(&mut conn, "AAPL", day("2024-01-01"), day("2024-01-31")).await.expect("read");
    assert_eq!(january.len(), 21);
    assert_eq!(january.provenance, [Provenance::Simulated; 21]);
}

fn part(series: &Series, from: usize, to: usize) -> Series {
    Series {
        symbol: series.symbol.clone(),
        dates: series.dates[from..to].to_vec(),
        open: series.open[from..to].to_vec(),
        high: series.high[from..to].to_vec(),
        low: series.low[from..to].to_vec(),
        close: series.close[from..to].to_vec(),
        volume: series.volume[from..to].to_vec(),
        provenance: series.provenance[from..to].to_vec(),
    }
}

#[tokio::test]
async fn loading_again_changes_nothing() {
    let database = empty().await;
    load_shipped(&database.pool, day("2025-03-01")).await.expect("the shipped files load");
    let stamp = "select string_agg(symbol || loaded_at || xmin, ' ' order by symbol) from bar_sets";
    let before: String = sqlx::query_scalar(stamp).fetch_one(&database.pool).await.expect("there are sets");
    // An earlier day does not take bars away either.
    for today in ["2025-03-01", "2025-03-02", "2010-01-01"] {
        let summary = load_shipped(&database.pool, day(today)).await.expect("the shipped files load");
        assert!(summary.symbols.iter().all(|(_, outcome)| *outcome == Outcome::Unchanged), "{summary:?}");
    }
    let after: String = sqlx::query_scalar(stamp).fetch_one(&database.pool).await.expect("there are sets");
    assert_eq!(before, after);
}

#[tokio::test]
async fn a_later_day_appends_the_missing_sessions_only() {
    let database = empty().await;
    let mut conn = connect(&database).await;
    let ever = (day("1970-01-01"), day("2100-12-31"));
    load_shipped(&database.pool, day("2025-03-07")).await.expect("the shipped files load");
    let before = bars::series(&mut conn, "IBM", ever.0, ever.1).await.expect("the bars can be read");
    let summary = load_shipped(&database.pool, day("2025-03-12")).await.expect("the shipped files load");
    assert!(summary.symbols.iter().all(|(_, outcome)| *outcome == Outcome::Extended(3)), "{summary:?}");
    let after = bars::series(&mut conn, "IBM", ever.0, ever.1).await.expect("the bars can be read");
    assert_eq!(part(&after, 0, before.len()), before);
    assert_eq!(after.dates[before.len()..], ["2025-03-10", "2025-03-11", "2025-03-12"].map(day));
}

#[tokio::test]
async fn bars_of_another_revision_are_replaced() {
    let database = empty().await;
    let mut conn = connect(&database).await;
    let today = day("2025-01-31");
    let (old, new) = (file(20.0), file(50.0));
    let symbol = names(&["ACME"]);
    load(&database.pool, [("ACME", old)], today).await.expect("the file loads");
    let before = bars::data_version(&mut conn, &symbol, today, today).await.expect("there is a version");
    let count = rows(&database.pool).await;
    let summary = load(&database.pool, [("ACME", new)], today).await.expect("the file loads");
    assert_eq!(summary.symbols, [("ACME".to_owned(), Outcome::Replaced(count.unsigned_abs()))]);
    assert_eq!(rows(&database.pool).await, count);
    let first = bars::series(&mut conn, "ACME", day("2012-01-03"), day("2012-01-03")).await.expect("read");
    assert_eq!(format!("{:?}", first.close), "[50.0]");
    let after = bars::data_version(&mut conn, &symbol, today, today).await.expect("there is a version");
    assert_ne!(before, after);
}

#[tokio::test]
async fn a_corrupt_file_leaves_the_tables_untouched() {
    let database = empty().await;
    let corrupt: &str = format!("{}2012-03-01,10,3,4,10,1\n", file(20.0)).leak();
    let files = [("ACME", file(20.0)), ("BAD", corrupt)];
    let error = load(&database.pool, files, day("2025-01-31")).await.expect_err("the second file is corrupt");
    assert_eq!(error.to_string(), "BAD.csv line 42: high 3 is below low 4");
    assert_eq!(rows(&database.pool).await, 0);
    let short: &str = format!("{}\n2012-03-01,10,11,9,10,1\n", csv::HEADER).leak();
    let error = load(&database.pool, [("NEW", short)], day("2025-01-31")).await.expect_err("too short");
    assert_eq!(error.to_string(), "NEW has 1 bars, needs at least 30 to be continued");
    assert_eq!(rows(&database.pool).await, 0);
}

#[tokio::test]
async fn loaders_at_the_same_time_write_every_bar_once() {
    let database = empty().await;
    let today = day("2025-01-31");
    let loads = (0..4).map(|_| load_shipped(&database.pool, today));
    let summaries = try_join_all(loads).await.expect("no loader fails");
    let mut loaded = BTreeMap::new();
    for (symbol, outcome) in summaries.into_iter().flat_map(|summary| summary.symbols) {
        match outcome {
            Outcome::Loaded(_) => *loaded.entry(symbol).or_insert(0) += 1,
            other => assert_eq!(other, Outcome::Unchanged),
        }
    }
    assert_eq!(loaded, SHIPPED.iter().map(|symbol| ((*symbol).to_owned(), 1)).collect());
}

#[tokio::test]
async fn the_data_version_names_what_a_result_depends_on() {
    let database = empty().await;
    let mut conn = connect(&database).await;
    load_shipped(&database.pool, day("2025-01-31")).await.expect("the shipped files load");
    let version = async |conn: &mut PgConnection, symbols: &[&str], to: &str| {
        bars::data_version(conn, &names(symbols), day("2024-01-01"), day(to))
            .await
            .expect("there is a version")
    };
    let both = version(&mut conn, &["MSFT", "AAPL"], "2024-01-31").await;
    assert_eq!(both, version(&mut conn, &["AAPL", "MSFT"], "2024-01-31").await);
    assert!(both.starts_with("AAPL:") && both.ends_with(":2024-01-01..2024-01-31"), "{both}");
    assert_ne!(both, version(&mut conn, &["AAPL", "MSFT"], "2024-02-01").await);
    assert_eq!(version(&mut conn, &["NONE"], "2024-01-31").await, "NONE:absent");
    // A range that reaches beyond the bars changes its version when bars are appended, and only then.
    let open_ended = version(&mut conn, &["IBM"], "2100-01-01").await;
    assert!(open_ended.ends_with("..2025-01-31"), "{open_ended}");
    load_shipped(&database.pool, day("2025-02-28")).await.expect("the shipped files load");
    assert_ne!(open_ended, version(&mut conn, &["IBM"], "2100-01-01").await);
    assert_eq!(both, version(&mut conn, &["AAPL", "MSFT"], "2024-01-31").await);
}

#[tokio::test]
async fn provenance_counts_recorded_and_simulated_bars_apart() {
    let database = empty().await;
    let mut conn = connect(&database).await;
    load_shipped(&database.pool, day("2025-01-31")).await.expect("the shipped files load");
    assert_eq!(bars::known_symbols(&mut conn).await.expect("the sets can be read"), SHIPPED);
    let wanted = names(&["MSFT", "AAPL", "NONE"]);
    let (from, to) = (day("2013-02-27"), day("2013-03-05"));
    assert_eq!(bars::count(&mut conn, &wanted, from, to).await.expect("the bars can be counted"), 10);
    let found = bars::provenance(&mut conn, &wanted, from, to).await.expect("the bars can be counted");
    let counts: Vec<_> = found.iter().map(|p| (p.symbol.as_str(), p.real, p.simulated)).collect();
    assert_eq!(counts, [("AAPL", 3, 2), ("MSFT", 3, 2)]);
    assert_eq!((found[0].first_date, found[0].last_date), (Some(from), Some(to)));
    let (from, to) = (day("1999-01-01"), day("1999-12-31"));
    let before = bars::provenance(&mut conn, &names(&["FB"]), from, to).await.expect("counted");
    assert_eq!((before[0].real, before[0].simulated, before[0].first_date), (0, 0, None));
}
