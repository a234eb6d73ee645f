//! EDGAR's submissions and company facts; every figure is invented and its description says so.
//!
//! Companies file as if their years were the calendar's: a quarter 35 days after its end, a year
//! after 55. Only what is filed is told. Clients name themselves, with an address for mail.

mod filings;

use axum::{
    Json, Router,
    extract::{Path, Request, State},
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Map, Value, json};

use super::{Refusal, Source, user_agent};
use crate::prices::{LISTINGS, Listing};
use filings::{FIGURES, Filing};

/// The companies' numbers at EDGAR, in the order of [`LISTINGS`].
const CIKS: [u32; LISTINGS.len()] = [320_193, 1_326_801, 1_288_776, 51_143, 789_019];

/// Returns the routes of `data.sec.gov`.
pub(super) fn router(source: Source) -> Router {
    Router::new()
        .route("/submissions/{file}", get(submissions))
        .route("/api/xbrl/companyfacts/{file}", get(company_facts))
        .fallback(async || missing())
        .layer(middleware::from_fn(admit))
        .with_state(source)
}

/// Returns the routes of `www.sec.gov`.
pub(super) fn www_router() -> Router {
    Router::new()
        .route("/files/company_tickers.json", get(company_tickers))
        .fallback(async || missing())
        .layer(middleware::from_fn(admit))
}

async fn admit(request: Request, next: Next) -> Response {
    if user_agent(&request).is_some_and(|agent| agent.contains('@')) {
        return next.run(request).await;
    }
    let body = "<html><head><title>SEC.gov | Your Request Originates from an Undeclared Automated Tool</title></head><body><h1>Your Request Originates from an Undeclared Automated Tool</h1></body></html>";
    Refusal::text(StatusCode::FORBIDDEN, "text/html", body).into_response()
}

fn missing() -> Refusal {
    let body = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>";
    Refusal::text(StatusCode::NOT_FOUND, "application/xml", body)
}

/// Returns the place of the company of a file name such as `CIK0000320193.json`.
fn company(file: &str) -> Result<usize, Refusal> {
    let digits = file.strip_prefix("CIK").and_then(|rest| rest.strip_suffix(".json"));
    let number = digits.filter(|digits| digits.len() == 10).and_then(|digits| digits.parse::<u32>().ok());
    CIKS.iter().position(|cik| Some(*cik) == number).ok_or_else(missing)
}

/// `GET /files/company_tickers.json`.
async fn company_tickers() -> Json<Value> {
    let rows = LISTINGS.iter().zip(CIKS).enumerate().map(|(place, (listing, cik))| {
        (place.to_string(), json!({ "cik_str": cik, "ticker": listing.symbol, "title": name(listing) }))
    });
    Json(Value::Object(rows.collect()))
}

fn name(listing: &Listing) -> &'static str {
    let name = listing.name.trim_end_matches(" Common Stock");
    name.trim_end_matches(" Class A")
}

/// `GET /submissions/CIK##########.json`: newest first.
async fn submissions(State(source): State<Source>, Path(file): Path<String>) -> Result<Json<Value>, Refusal> {
    let place = company(&file)?;
    let (listing, cik) = (&LISTINGS[place], CIKS[place]);
    let mut filings = filings::filed(cik, source.replay.clock.now());
    filings.reverse();
    let column = |of: &dyn Fn(&Filing) -> Value| filings.iter().map(of).collect::<Vec<_>>();
    let document =
        |filing: &Filing| format!("{}-{}.htm", listing.symbol.to_lowercase(), filing.end.format("%Y%m%d"));
    Ok(Json(json!({
        "cik": format!("{cik:010}"),
        "entityType": "operating",
        "sic": "7372",
        "sicDescription": "Simulated",
        "name": name(listing),
        "tickers": [listing.symbol],
        "exchanges": [if listing.exchange == "NASDAQ" { "Nasdaq" } else { "NYSE" }],
        "fiscalYearEnd": "1231",
        "filings": {
            "recent": {
                "accessionNumber": column(&|filing| filing.accession.clone().into()),
                "filingDate": column(&|filing| json!(filing.filed)),
                "reportDate": column(&|filing| json!(filing.end)),
                "acceptanceDateTime": column(&|filing| filing.accepted.format("%Y-%m-%dT%H:%M:%S.000Z").to_string().into()),
                "form": column(&|filing| filing.form.into()),
                "items": column(&|_| "".into()),
                "isXBRL": column(&|_| 1.into()),
                "isInlineXBRL": column(&|_| 1.into()),
                "primaryDocument": column(&|filing| document(filing).into()),
                "primaryDocDescription": column(&|filing| format!("Simulated {}", filing.form).into()),
            },
            "files": [],
        },
    })))
}

/// `GET /api/xbrl/companyfacts/CIK##########.json`: of each figure, by the time of filing.
async fn company_facts(
    State(source): State<Source>,
    Path(file): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let place = company(&file)?;
    let (listing, cik) = (&LISTINGS[place], CIKS[place]);
    let filings = filings::filed(cik, source.replay.clock.now());
    let mut facts = json!({});
    for figure in &FIGURES {
        let values: Vec<Value> =
            filings.iter().flat_map(|filing| figure.told_by(filing, source.seed, listing.symbol)).collect();
        let mut units = Map::new();
        units.insert(figure.unit.to_owned(), values.into());
        facts[figure.taxonomy][figure.name] = json!({
            "label": figure.label,
            "description": "Simulated by the Capstan sandbox; no company reported it.",
            "units": units,
        });
    }
    Ok(Json(json!({ "cik": cik, "entityName": name(listing), "facts": facts })))
}
