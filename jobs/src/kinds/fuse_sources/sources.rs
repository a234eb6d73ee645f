//! One function a source: what it gives, as views. None of them fails: a source that gives nothing
//! is named, and why.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::{
    fusion::{self, Derived, Economy, Missing, View, reliability},
    universe::Figures,
};
use rust_decimal::prelude::ToPrimitive;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::Asked;
use crate::{
    connector::{Connectors, MacroFigure, SourceError, Sourced},
    db::{fusion::Finding, news},
    environment::Environment,
    queue::JobError,
};

/// The longest that one source may take, whoever is asked.
const PATIENCE: Duration = Duration::from_secs(20);
/// Sessions of bars.
const BARS: usize = 60;
/// A session's short volume is published by 18:00 in New York, in winter.
const PUBLISHED: TimeDelta = TimeDelta::hours(23);
/// Scores of news that are older than this are none of today's.
const NEWS_AGE: TimeDelta = TimeDelta::hours(24);
/// More than there are sources of news.
const MOST_SCORES: i64 = 50;
/// Series of the economy, in the order of [`Economy`]'s fields.
const SERIES: [&str; 4] = ["UNRATE", "CPIAUCSL", "DGS10", "FEDFUNDS"];

impl Asked {
    fn missing(source: &str, reason: &impl ToString) -> Self {
        let missing = Missing { source: source.to_owned(), reason: reason.to_string() };
        Self { missing: vec![missing], ..Self::default() }
    }

    fn add(&mut self, about: &About, analysis_type: &str, derived: Option<Derived>, data: Value) {
        match derived {
            Some(Derived { score, confidence }) => self.findings.push(Finding {
                view: View {
                    source: about.source.to_owned(),
                    analysis_type: analysis_type.to_owned(),
                    score,
                    confidence,
                    reliability: reliability(about.source),
                    event_at: about.event_at,
                    available_at: about.available_at,
                },
                data,
            }),
            None => self.missing.push(Missing {
                source: about.source.to_owned(),
                reason: format!("too little for {analysis_type}"),
            }),
        }
    }
}

/// Whose data it is, what it speaks of, and since when it could be known.
struct About<'a> {
    source: &'a str,
    event_at: DateTime<Utc>,
    available_at: DateTime<Utc>,
}

/// Returns what the source gave in time, or what to name.
async fn ask<T>(
    what: &str,
    asked: impl Future<Output = Result<Sourced<T>, SourceError>>,
) -> Result<Sourced<T>, Asked> {
    match timeout(PATIENCE, asked).await {
        Ok(Ok(given)) => Ok(given),
        Ok(Err(error)) => Err(Asked::missing(what, &error)),
        Err(_) => Err(Asked::missing(what, &format!("no answer within {PATIENCE:?}"))),
    }
}

/// Momentum, volatility and volume of the daily bars.
pub(super) async fn bars(
    connectors: &Connectors,
    symbol: &str,
    now: DateTime<Utc>,
) -> Result<Asked, JobError> {
    let given = match ask("daily_bars", connectors.daily_bars(symbol, BARS, now)).await {
        Ok(given) => given,
        Err(missing) => return Ok(missing),
    };
    let series = &given.value;
    let about = About { source: given.provider, event_at: given.as_of, available_at: given.as_of };
    let data = json!({
        "bars": series.len(),
        "from": series.dates.first(),
        "to": series.dates.last(),
        "close": series.close.last(),
    });
    let mut asked = Asked::default();
    asked.add(&about, "momentum", fusion::momentum(series), data.clone());
    asked.add(&about, "volatility", fusion::volatility(series), data.clone());
    asked.add(&about, "volume", fusion::volume(series), data);
    Ok(asked)
}

/// What the company filed.
pub(super) async fn company(
    connectors: &Connectors,
    symbol: &str,
    now: DateTime<Utc>,
) -> Result<Asked, JobError> {
    let given = match ask("company", connectors.company(symbol, now)).await {
        Ok(given) => given,
        Err(missing) => return Ok(missing),
    };
    let value = &given.value;
    let about = About {
        source: given.provider,
        event_at: end_of(value.period_end),
        // The hour is not known, so the day after it is safe.
        available_at: end_of(value.filed),
    };
    let figures = Figures {
        revenue_growth: value.revenue_growth,
        operating_margin: value.operating_margin,
        debt_to_equity: value.debt_to_equity,
        dilution: value.dilution,
    };
    let data = json!({
        "revenue_growth": value.revenue_growth,
        "operating_margin": value.operating_margin,
        "debt_to_equity": value.debt_to_equity,
        "dilution": value.dilution,
        "period_end": value.period_end,
        "filed": value.filed,
    });
    let mut asked = Asked::default();
    asked.add(&about, "fundamentals", fusion::company(&figures), data);
    Ok(asked)
}

/// The share of trading that was short.
pub(super) async fn short_volume(
    connectors: &Connectors,
    symbol: &str,
    now: DateTime<Utc>,
) -> Result<Asked, JobError> {
    let given = match ask("short_volume", connectors.short_volume(symbol, now)).await {
        Ok(given) => given,
        Err(missing) => return Ok(missing),
    };
    let sessions: Vec<(f64, f64)> =
        given.value.iter().filter_map(|day| Some((day.short.to_f64()?, day.total.to_f64()?))).collect();
    let Some(last) = given.value.last() else {
        return Ok(Asked::missing(given.provider, &"no session was published"));
    };
    let about = About {
        source: given.provider,
        event_at: start_of(last.date),
        available_at: given.as_of.max(start_of(last.date) + PUBLISHED),
    };
    let data = json!({
        "sessions": sessions.len(),
        "last": { "date": last.date, "short": last.short, "total": last.total },
    });
    let mut asked = Asked::default();
    asked.add(&about, "short_interest", fusion::short_ratio(&sessions), data);
    Ok(asked)
}

/// The economy as a whole.
pub(super) async fn economy(connectors: &Connectors, now: DateTime<Utc>) -> Result<Asked, JobError> {
    let mut given: Vec<Option<Sourced<MacroFigure>>> = Vec::new();
    let mut asked = Asked::default();
    for series_id in SERIES {
        match ask("economy", connectors.economy(series_id, now)).await {
            Ok(figure) => given.push(Some(figure)),
            Err(missing) => {
                // Nobody has any of it: one word is enough.
                let silent = missing.missing.iter().any(|one| !asked.missing.contains(one));
                asked.missing.extend(missing.missing.into_iter().filter(|_| silent));
                given.push(None);
            }
        }
    }
    let Some(first) = given.iter().flatten().next() else { return Ok(asked) };
    let as_of = given.iter().flatten().map(|figure| figure.as_of).max().unwrap_or(first.as_of);
    // Figures come out weeks after their period: all that is sure is that they are known by now.
    let about = About { source: first.provider, event_at: as_of, available_at: now };
    let values = |index: usize| -> Vec<f64> {
        let values = given[index].iter().flat_map(|figure| &figure.value.values);
        values.filter_map(|(_, value)| value.to_f64()).collect()
    };
    let (unemployment, prices, ten_years, policy_rate) = (values(0), values(1), values(2), values(3));
    let known = Economy {
        unemployment: &unemployment,
        prices: &prices,
        ten_years: &ten_years,
        policy_rate: &policy_rate,
    };
    let found = fusion::economy(&known);
    let data = json!({
        "regime": found.map(|(_, regime)| regime),
        "unemployment": unemployment.last(),
        "prices": prices.last(),
        "ten_years": ten_years.last(),
        "policy_rate": policy_rate.last(),
    });
    asked.add(&about, "macro", found.map(|(derived, _)| derived), data);
    Ok(asked)
}

/// What the news were found to say: rows of our own, read anew by every attempt.
pub(super) async fn news(env: &Environment, symbol: &str, now: DateTime<Utc>) -> Result<Asked, JobError> {
    let mut conn = env.pool.acquire().await?;
    let scores = news::sentiments(&mut conn, &[symbol.to_owned()], MOST_SCORES).await?;
    let mut asked = Asked::default();
    for score in scores.iter().filter(|score| score.as_of <= now && now - score.as_of <= NEWS_AGE) {
        let about = About { source: &score.source, event_at: score.as_of, available_at: score.as_of };
        let derived = score.score.to_f64().zip(score.confidence.to_f64());
        let derived = derived.map(|(score, confidence)| Derived { score, confidence });
        let data = json!({
            "sentiment_id": score.sentiment_id,
            "articles": score.articles,
            "trend": score.trend,
        });
        asked.add(&about, "sentiment", derived, data);
    }
    if asked.findings.is_empty() {
        return Ok(Asked::missing(
            "news",
            &format!("no score of {symbol} within {} h", NEWS_AGE.num_hours()),
        ));
    }
    Ok(asked)
}

fn start_of(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(chrono::NaiveTime::MIN).and_utc()
}

fn end_of(day: NaiveDate) -> DateTime<Utc> {
    start_of(day) + TimeDelta::days(1)
}
