//! The market as a whole, from quotes and news.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Quality;

/// What says nothing.
const NEUTRAL: f64 = 0.5;
/// A change in percent that is worth a signal; twice as much is a full momentum.
const CHANGE: f64 = 2.0;
/// A day's range in percent that makes the market as restless as can be.
const RANGE: f64 = 5.0;

/// A quote, as far as it matters here.
#[derive(Debug, Clone, PartialEq)]
pub struct MarketQuote {
    /// The ticker.
    pub symbol: String,
    /// The last price.
    pub price: f64,
    /// The last session's close.
    pub previous_close: Option<f64>,
    /// The day's highest price.
    pub high: Option<f64>,
    /// The day's lowest price.
    pub low: Option<f64>,
    /// Shares traded on the day.
    pub volume: Option<f64>,
    /// Shares of a usual day.
    pub usual_volume: Option<f64>,
}

/// Parts of the whole, 0 to 1; 0.5 where nothing is known.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Components {
    /// How prices moved: above 0.5 up.
    pub momentum: f64,
    /// How calm the market is: 1 still, 0 restless.
    pub volatility: f64,
    /// What the news say: above 0.5 good.
    pub sentiment: f64,
    /// How much is traded: 0.5 as usual, 1 twice as much.
    pub volume: f64,
}

/// Something worth a word.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MarketSignal {
    /// `bullish` or `bearish`.
    #[serde(rename = "type")]
    pub kind: super::Signal,
    /// `momentum`, `breadth` or `sentiment`.
    pub source: String,
    /// For people.
    pub message: String,
    /// 0 to 1.
    pub strength: f64,
    /// As of when.
    pub timestamp: DateTime<Utc>,
}

/// The market as a whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Intelligence {
    /// 0.35 momentum + 0.35 sentiment + 0.15 volatility + 0.15 volume, 0 to 1.
    pub overall: f64,
    /// The parts.
    pub components: Components,
    /// What is worth a word, by source and symbol.
    pub signals: Vec<MarketSignal>,
    /// By the number of parts that are known.
    pub data_quality: Quality,
    /// Parts that are known.
    pub active_sources: usize,
    /// All parts.
    pub total_sources: usize,
    /// As of when.
    pub last_updated: DateTime<Utc>,
}

/// Sums up `quotes` and the `(symbol, score, confidence)` of news, as of `now`.
pub fn intelligence(
    quotes: &[MarketQuote],
    sentiments: &[(String, f64, f64)],
    now: DateTime<Utc>,
) -> Intelligence {
    let changes: Vec<(&str, f64)> = quotes
        .iter()
        .filter_map(|quote| {
            let before = quote.previous_close.filter(|close| *close > 0.0)?;
            Some((quote.symbol.as_str(), (quote.price / before - 1.0) * 100.0))
        })
        .filter(|(_, change)| change.is_finite())
        .collect();
    let momentum =
        mean(changes.iter().map(|(_, change)| *change)).map(|change| 0.5 + change / (4.0 * CHANGE));
    let ranges = quotes.iter().filter_map(|quote| {
        let before = quote.previous_close.filter(|close| *close > 0.0)?;
        Some((quote.high? - quote.low?).max(0.0) / before * 100.0)
    });
    let volatility = mean(ranges).map(|range| 1.0 - range / RANGE);
    let traded = quotes.iter().filter_map(|quote| {
        let usual = quote.usual_volume.filter(|shares| *shares > 0.0)?;
        Some(quote.volume? / usual / 2.0)
    });
    let volume = mean(traded);
    let news = crate::sentiment::moments(sentiments.iter().map(|(_, score, sure)| (*score, *sure)).collect());
    let sentiment = news.map(|(score, _)| 0.5 + score / 2.0);
    let active = [momentum, volatility, sentiment, volume].into_iter().flatten().count();
    let part = |value: Option<f64>| value.map_or(NEUTRAL, |value| value.clamp(0.0, 1.0));
    let components = Components {
        momentum: part(momentum),
        volatility: part(volatility),
        sentiment: part(sentiment),
        volume: part(volume),
    };
    Intelligence {
        overall: 0.35 * components.momentum
            + 0.35 * components.sentiment
            + 0.15 * components.volatility
            + 0.15 * components.volume,
        components,
        signals: signals(&changes, sentiments, now),
        data_quality: Quality::of(active),
        active_sources: active,
        total_sources: 4,
        last_updated: now,
    }
}

fn signals(
    changes: &[(&str, f64)],
    sentiments: &[(String, f64, f64)],
    now: DateTime<Utc>,
) -> Vec<MarketSignal> {
    let signal = |good: bool, source: &str, message: String, strength: f64| MarketSignal {
        kind: if good { super::Signal::Bullish } else { super::Signal::Bearish },
        source: source.to_owned(),
        message,
        strength: strength.clamp(0.0, 1.0),
        timestamp: now,
    };
    let mut found: Vec<MarketSignal> = changes
        .iter()
        .filter(|(_, change)| change.abs() >= CHANGE)
        .map(|(symbol, change)| {
            let message = format!("{symbol} moved {change:+.1} % on the day");
            signal(*change > 0.0, "momentum", message, change.abs() / 10.0)
        })
        .collect();
    if changes.len() > 1 {
        let rising = changes.iter().filter(|(_, change)| *change > 0.0).count() as f64 / changes.len() as f64;
        if !(0.3..=0.7).contains(&rising) {
            let message = format!("{:.0} % of the symbols rise", rising * 100.0);
            found.push(signal(rising > 0.7, "breadth", message, (rising - 0.5).abs() * 2.0));
        }
    }
    let telling = sentiments.iter().filter(|(_, score, sure)| score.abs() > 0.25 && *sure > 0.0);
    found.extend(telling.map(|(symbol, score, sure)| {
        let word = if *score > 0.0 { "good" } else { "bad" };
        signal(*score > 0.0, "sentiment", format!("the news about {symbol} are {word}"), score.abs() * sure)
    }));
    found.sort_by(|a, b| (&a.source, &a.message).cmp(&(&b.source, &b.message)));
    found
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
    // Sums of floats depend on their order.
    values.sort_by(f64::total_cmp);
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}
