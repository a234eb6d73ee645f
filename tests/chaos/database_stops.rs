//! The API while the database stops, in every way, and afterwards (C3).

use std::time::{Duration, Instant};

use futures::future::join_all;
use reqwest::StatusCode;
use suites::{Capstan, SignedIn, eventually};

use super::{
    fleet::STARTED,
    server::{Server, Stop},
    tier::{say, sized},
};

/// No request waits longer, whatever became of the database: the API waits four seconds for a
/// connection.
const ANSWERED: Duration = Duration::from_secs(10);
/// The start of the server included, on a busy machine.
const READY: Duration = Duration::from_secs(40);
const PATHS: [&str; 4] = ["/health/ready", "/api/user", "/api/strategies", "/api/backtests"];

#[tokio::test(flavor = "multi_thread")]
async fn the_api_answers_503_and_is_ready_soon_after_a_restart() {
    let mut server = Server::start().await;
    let mut api = Capstan::api(&server.url()).start();
    let user = SignedIn::sign_up(&api.url(STARTED).await).await;
    for how in [Stop::Fast, Stop::Immediate, Stop::Kill].into_iter().cycle().take(sized(3, 15)) {
        server.stop(how).await;
        let slowest = join_all(PATHS.map(async |path| {
            let asked = Instant::now();
            let (status, body, headers) = user.get(path).await;
            let took = asked.elapsed();
            assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{how:?}, {path}: {body}");
            assert!(took < ANSWERED, "{how:?}: {path} took {took:?}");
            assert!(
                path.starts_with("/health") || headers.contains_key("retry-after"),
                "{path}: {headers:?}"
            );
            took
        }))
        .await
        .into_iter()
        .max();
        let (status, body, _) = user.get("/health/live").await;
        assert_eq!(status, StatusCode::OK, "the process itself lives: {body}");

        let started = Instant::now();
        server.start_again().await;
        eventually("the API is ready", READY.saturating_sub(started.elapsed()), async || {
            let (ready, body, _) = user.get("/health/ready").await;
            let (listed, _, _) = user.get("/api/strategies").await;
            if (ready, listed) == (StatusCode::OK, StatusCode::OK) {
                Ok(())
            } else {
                Err((ready, listed, body))
            }
        })
        .await;
        say(&format!(
            "{how:?} stop: slowest 503 after {:.1?}, ready {:.1?} after the start",
            slowest.unwrap_or_default(),
            started.elapsed()
        ));
    }
    assert!(api.exited().is_none(), "the API ended with the database");
}
