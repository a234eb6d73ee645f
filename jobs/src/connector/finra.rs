//! FINRA's daily files of short sales off the exchanges: one file a session for all symbols.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use domain::{calendar, market_hours};
use futures::FutureExt;
use http::Method;
use rust_decimal::Decimal;

use super::{
    ShortVolume, exact,
    flaw::{Failure, Flaw, excerpt},
    provider::{Asked, Provider},
    way::Way,
};
use crate::external::{ExternalError, Request};

/// How many sessions are told.
const SESSIONS: usize = 5;
/// A session's file is there from this hour on, New York time.
const POSTED_HOUR: u32 = 18;
const HEADER: &str = "Date|Symbol|ShortVolume|ShortExemptVolume|TotalVolume|Market";

/// Short and all volume by symbol.
type File = Arc<HashMap<String, (Decimal, Decimal)>>;

/// The files, of which the last are kept.
#[derive(Debug)]
pub(super) struct Finra {
    pub(super) way: Way,
    files: Mutex<BTreeMap<NaiveDate, File>>,
}

impl Finra {
    pub(super) fn new(way: Way) -> Self {
        Self { way, files: Mutex::default() }
    }

    /// Returns the short volume of the last sessions whose files are posted, oldest first.
    pub(super) async fn short_volume(
        &self,
        symbol: &str,
        now: DateTime<Utc>,
    ) -> Result<Vec<ShortVolume>, Failure> {
        // It writes share classes with a slash.
        let written = symbol.replace('.', "/");
        let mut told = Vec::new();
        let mut refused = None;
        for date in posted(now) {
            let file = match self.file(date).await {
                Ok(file) => file,
                // No file of that day, or none yet: it does not say which.
                Err(Failure::Call(error @ ExternalError::Refused { status: 403 | 404, .. })) => {
                    refused = Some(error);
                    continue;
                }
                Err(failure) => return Err(failure),
            };
            if let Some((short, total)) = file.get(&written) {
                told.push(ShortVolume { symbol: symbol.to_owned(), date, short: *short, total: *total });
            }
        }
        match (told.is_empty(), refused) {
            (false, _) => Ok(told),
            (true, Some(error)) => Err(Failure::Call(error)),
            (true, None) => Err(Failure::Nothing(format!("no short volume of {symbol}"))),
        }
    }

    async fn file(&self, date: NaiveDate) -> Result<File, Failure> {
        if let Some(file) = self.files.lock().unwrap_or_else(PoisonError::into_inner).get(&date) {
            return Ok(Arc::clone(file));
        }
        let answer = self.way.call("short_volume", Request::get("short_volume", path(date))).await?;
        let file =
            read(answer.body(), date).map_err(|flaw| Failure::Flawed(flaw, Some(excerpt(answer.body()))))?;
        let file = Arc::new(file);
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.insert(date, Arc::clone(&file));
        while files.len() > SESSIONS + 1 {
            files.pop_first();
        }
        Ok(file)
    }
}

impl Provider for Finra {
    fn way(&self) -> &Way {
        &self.way
    }

    fn probe(&self, now: DateTime<Utc>) -> Asked<'_, ()> {
        async move {
            // The day before the last: its file is certainly there.
            let date = posted(now)[SESSIONS - 2];
            let request = Request::new("probe", Method::HEAD, path(date)).repeatable();
            self.way.call("probe", request).await.map(drop)
        }
        .boxed()
    }
}

fn path(date: NaiveDate) -> String {
    format!("/equity/regsho/daily/CNMSshvol{}.txt", date.format("%Y%m%d"))
}

/// Returns the last sessions whose files are posted by `now`, oldest first.
fn posted(now: DateTime<Utc>) -> Vec<NaiveDate> {
    let local = market_hours::local(now);
    let hour = NaiveTime::from_hms_opt(POSTED_HOUR, 0, 0).expect("an hour of the day");
    let mut date = local.date_naive();
    if local.time() < hour {
        date = date.pred_opt().unwrap_or(date);
    }
    let mut days = Vec::with_capacity(SESSIONS);
    while days.len() < SESSIONS {
        let session = calendar::session_on_or_before(date);
        days.insert(0, session);
        date = session.pred_opt().unwrap_or(session);
    }
    days
}

/// Reads a file; the number of rows in its last line is passed over.
fn read(body: &[u8], date: NaiveDate) -> Result<HashMap<String, (Decimal, Decimal)>, Flaw> {
    let text = std::str::from_utf8(body).map_err(|_| Flaw::malformed("no text"))?;
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    if lines.next() != Some(HEADER) {
        return Err(Flaw::malformed("another header than is known"));
    }
    let day = date.format("%Y%m%d").to_string();
    let mut rows = HashMap::new();
    for line in lines {
        if line.bytes().all(|byte| byte.is_ascii_digit()) {
            continue;
        }
        let fields: Vec<&str> = line.split('|').collect();
        let [of, symbol, short, _, total, _] = fields[..] else {
            return Err(Flaw::malformed(format!("a row of {} fields", fields.len())));
        };
        let (Some(short), Some(total)) = (exact::decimal(short), exact::decimal(total)) else {
            return Err(Flaw::malformed(format!("{symbol}: volumes of {short:?} and {total:?}")));
        };
        if of != day {
            return Err(Flaw::implausible(format!("{symbol}: a row of {of} in the file of {day}")));
        }
        if short < Decimal::ZERO || total < short {
            return Err(Flaw::implausible(format!("{symbol}: {short} of {total} shares")));
        }
        rows.insert(symbol.to_owned(), (short, total));
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a date of this test is valid")
    }

    #[test]
    fn a_file_is_posted_in_the_evening_of_its_session() {
        for (now, last) in [
            ("2026-03-05T22:59:00Z", "2026-03-04"),
            ("2026-03-05T23:00:00Z", "2026-03-05"),
            ("2026-03-08T15:00:00Z", "2026-03-06"),
        ] {
            let days = posted(now.parse().expect("a time"));
            assert_eq!((days.len(), days.last().copied()), (SESSIONS, Some(day(last))), "{now}");
        }
    }

    #[test]
    fn a_file_reads_as_a_whole_or_not_at_all() {
        let file = |rows: &str| format!("{HEADER}\r\n{rows}\r\n");
        let good =
            file("20260302|AAPL|5123456.000|12345.000|9876543.500|B,Q,N\r\n20260302|BRK/B|1|0|2|N\r\n2");
        let rows = read(good.as_bytes(), day("2026-03-02")).expect("a good file");
        assert_eq!(rows.len(), 2);
        assert_eq!(rows["AAPL"].1.to_string(), "9876543.500");
        for bad in [
            "<html>".to_owned(),
            file("20260302|AAPL|1|0|2"),
            file("20260302|AAPL|many|0|2|N"),
            file("20260303|AAPL|1|0|2|N"),
            file("20260302|AAPL|3|0|2|N"),
            file("20260302|AAPL|-1|0|2|N"),
        ] {
            read(bad.as_bytes(), day("2026-03-02")).expect_err(&bad);
        }
    }
}
