//! FINRA's daily short sale volume files; the shares are invented from the replay's volume.
//!
//! A file is there from 18:00 New York of its session on. Before that, and for a day without a
//! session, the answer is a 403, as it is without a `User-Agent`.

use axum::{
    Router,
    extract::{Path, Request, State},
    http::{StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use chrono::{NaiveDate, TimeDelta};

use super::{Refusal, Source, user_agent};
use crate::{
    hours,
    prices::{LISTINGS, Noise},
};

/// When a session's file is posted, after midnight in New York. Clocks never change on a session.
const POSTED: TimeDelta = TimeDelta::hours(18);

/// Returns the routes.
pub(super) fn router(source: Source) -> Router {
    Router::new()
        .route("/equity/regsho/daily/{file}", get(daily))
        .fallback(async || denied())
        .layer(middleware::from_fn(admit))
        .with_state(source)
}

async fn admit(request: Request, next: Next) -> Response {
    if user_agent(&request).is_none() {
        return denied().into_response();
    }
    next.run(request).await
}

fn denied() -> Refusal {
    let body = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>";
    Refusal::text(StatusCode::FORBIDDEN, "application/xml", body)
}

/// `GET /equity/regsho/daily/CNMSshvolYYYYMMDD.txt`.
async fn daily(State(source): State<Source>, Path(file): Path<String>) -> Result<Response, Refusal> {
    let text = written(&source, &file).ok_or_else(denied)?;
    Ok(([(header::CONTENT_TYPE, "text/plain")], text).into_response())
}

fn written(source: &Source, file: &str) -> Option<String> {
    let digits = file.strip_prefix("CNMSshvol")?.strip_suffix(".txt")?;
    let date = NaiveDate::parse_from_str(digits, "%Y%m%d").ok()?;
    let now = source.replay.clock.now();
    if now < hours::midnight(date) + POSTED {
        return None;
    }
    hours::session(date)?;
    let mut lines = vec!["Date|Symbol|ShortVolume|ShortExemptVolume|TotalVolume|Market\r\n".to_owned()];
    for listing in &LISTINGS {
        let Some(bar) = source.replay.prices.daily(listing.symbol, date, now) else { continue };
        let mut noise = Noise::of(source.seed, &["finra", listing.symbol, digits]);
        // Off the exchanges trade 35 to 50 of a hundred shares, a third to two thirds of them short.
        let total = bar.volume / 1_000 * (350 + noise.below(150));
        let short = total / 1_000 * (333 + noise.below(334));
        let exempt = short / 1_000 * noise.below(5);
        lines.push(format!("{digits}|{}|{short}.000|{exempt}.000|{total}.000|B,Q,N\r\n", listing.symbol));
    }
    let rows = lines.len() - 1;
    lines.push(format!("{rows}\r\n"));
    (rows > 0).then(|| lines.concat())
}
