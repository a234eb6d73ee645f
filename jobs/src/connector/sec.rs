//! SEC EDGAR: the figures that companies file, and since when they could be known.
//!
//! It wants to be told who asks, and takes ten requests a second from an address; both its hosts
//! count together, which the two allowances respect.

mod facts;

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, NaiveDate, Utc};
use domain::market_hours;
use futures::FutureExt;
use http::Method;
use serde::Deserialize;
use tokio::sync::Mutex;

use super::{
    CompanyFigures,
    flaw::{Failure, Flaw},
    provider::{Asked, Provider},
    way::Way,
};
use crate::external::{ExternalError, Request};

/// The list of tickers is read again after so long.
const TICKERS_GOOD: Duration = Duration::from_hours(24);

type Tickers = Arc<HashMap<String, u64>>;

/// The two hosts.
#[derive(Debug)]
pub(super) struct Sec {
    /// `data.sec.gov`.
    pub(super) figures: Way,
    /// `www.sec.gov`.
    pub(super) files: Way,
    tickers: Mutex<Option<(Instant, Tickers)>>,
}

#[derive(Deserialize)]
struct Listed {
    cik_str: u64,
    ticker: String,
}

impl Sec {
    pub(super) fn new(figures: Way, files: Way) -> Self {
        Self { figures, files, tickers: Mutex::default() }
    }

    /// Returns the figures that the company of `symbol` last filed by the day of `now`.
    pub(super) async fn company(&self, symbol: &str, now: DateTime<Utc>) -> Result<CompanyFigures, Failure> {
        let unknown = || Failure::Nothing(format!("no company files under {symbol}"));
        // It writes share classes with a dash.
        let cik = *self.tickers().await?.get(&symbol.replace('.', "-")).ok_or_else(unknown)?;
        let path = format!("/api/xbrl/companyfacts/CIK{cik:010}.json");
        let answer = self.figures.json("company", Request::get("company", path)).await;
        let told: facts::Company = answer.map_err(|failure| match failure {
            Failure::Call(ExternalError::Refused { status: 404, .. }) => unknown(),
            failure => failure,
        })?;
        if told.cik != cik {
            let flaw = Flaw::malformed(format!("facts of {}, not of {cik}", told.cik));
            return Err(Failure::Flawed(flaw, None));
        }
        let today: NaiveDate = market_hours::local_date(now);
        facts::figures(&told, symbol, today)
            .ok_or_else(|| Failure::Nothing(format!("{symbol} has filed no figures by {today}")))
    }

    async fn tickers(&self) -> Result<Tickers, Failure> {
        if let Some((at, known)) = &*self.tickers.lock().await
            && at.elapsed() < TICKERS_GOOD
        {
            return Ok(Arc::clone(known));
        }
        let request = Request::get("tickers", "/files/company_tickers.json");
        let listed: HashMap<String, Listed> = self.files.json("tickers", request).await?;
        let known: HashMap<String, u64> = listed.into_values().map(|one| (one.ticker, one.cik_str)).collect();
        if known.is_empty() {
            return Err(Failure::Flawed(Flaw::malformed("a list of no tickers"), None));
        }
        let known = Arc::new(known);
        *self.tickers.lock().await = Some((Instant::now(), Arc::clone(&known)));
        Ok(known)
    }
}

impl Provider for Sec {
    fn way(&self) -> &Way {
        &self.figures
    }

    fn probe(&self, _: DateTime<Utc>) -> Asked<'_, ()> {
        async {
            let path = "/submissions/CIK0000320193.json";
            let request = Request::new("probe", Method::HEAD, path).repeatable();
            self.figures.call("probe", request).await.map(drop)
        }
        .boxed()
    }
}
