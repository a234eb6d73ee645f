//! FRED: series of the economy, as they were known on the day of asking.

use chrono::{DateTime, Months, NaiveDate, TimeDelta, Utc};
use domain::market_hours;
use futures::FutureExt;
use secrecy::SecretString;
use serde::Deserialize;

use super::{
    MacroFigure, exact,
    flaw::{Failure, Flaw},
    provider::{Asked, Provider},
    way::Way,
};
use crate::external::{ExternalError, Request};

/// How many years of values are asked for.
const MONTHS: u32 = 72;

/// The API behind one key, which it takes in the query only.
#[derive(Debug)]
pub(super) struct Fred {
    pub(super) way: Way,
    pub(super) key: SecretString,
}

#[derive(Deserialize)]
struct Observations {
    observations: Vec<Observation>,
}

#[derive(Deserialize)]
struct Observation {
    /// The first day of the period.
    date: NaiveDate,
    /// A number, or a dot when there is none.
    value: String,
}

#[derive(Deserialize)]
struct Series {
    #[serde(rename = "seriess")]
    series: Vec<One>,
}

#[derive(Deserialize)]
struct One {
    id: String,
}

impl Fred {
    /// Returns a series as it was known on the day of `now`.
    pub(super) async fn series(&self, series_id: &str, now: DateTime<Utc>) -> Result<MacroFigure, Failure> {
        // Its days begin in Chicago, an hour after New York's; it refuses a day to come.
        let today = market_hours::local_date(now - TimeDelta::hours(1));
        let start = today.checked_sub_months(Months::new(MONTHS)).unwrap_or(today);
        let request = Request::get("economy", "/series/observations")
            .query("series_id", series_id)
            .query("file_type", "json")
            .query("realtime_start", &today.to_string())
            .query("realtime_end", &today.to_string())
            .query("observation_start", &start.to_string())
            .query("sort_order", "asc")
            .secret_query("api_key", self.key.clone());
        let told: Observations =
            self.way.json("economy", request).await.map_err(|failure| match failure {
                Failure::Call(ExternalError::Refused { status: 400, body })
                    if body.contains("does not exist") =>
                {
                    Failure::Nothing(format!("there is no series {series_id}"))
                }
                failure => failure,
            })?;
        let mut values = Vec::with_capacity(told.observations.len());
        for Observation { date, value } in told.observations {
            if value == "." {
                continue;
            }
            let malformed = || Failure::Flawed(Flaw::malformed(format!("{date}: {value:?}")), None);
            values.push((date, exact::decimal(&value).ok_or_else(malformed)?));
        }
        let implausible = |reason: String| Err(Failure::Flawed(Flaw::implausible(reason), None));
        if let Some(pair) = values.windows(2).find(|pair| pair[0].0 >= pair[1].0) {
            return implausible(format!("{} follows {}", pair[1].0, pair[0].0));
        }
        match values.last() {
            None => Err(Failure::Nothing(format!("no values of {series_id}"))),
            Some((last, _)) if *last > today => implausible(format!("a value of {last}, which is to come")),
            Some(_) => Ok(MacroFigure { series_id: series_id.to_owned(), values }),
        }
    }
}

impl Provider for Fred {
    fn way(&self) -> &Way {
        &self.way
    }

    fn probe(&self, _: DateTime<Utc>) -> Asked<'_, ()> {
        async {
            let request = Request::get("probe", "/series")
                .query("series_id", "UNRATE")
                .query("file_type", "json")
                .secret_query("api_key", self.key.clone());
            let told: Series = self.way.json("probe", request).await?;
            match told.series.first() {
                Some(one) if one.id == "UNRATE" => Ok(()),
                _ => Err(Failure::Flawed(Flaw::malformed("another series than was asked for"), None)),
            }
        }
        .boxed()
    }
}
