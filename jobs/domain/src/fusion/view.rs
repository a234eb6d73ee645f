//! What one source says.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// A score that was derived from data, before its source is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Derived {
    /// -1 to 1.
    pub score: f64,
    /// 0 to 1.
    pub confidence: f64,
}

/// What one source says about one matter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct View {
    /// Who gave the data.
    pub source: String,
    /// What was made of it, such as `momentum` or `fundamentals`.
    pub analysis_type: String,
    /// -1 to 1.
    pub score: f64,
    /// 0 to 1.
    pub confidence: f64,
    /// How far the source is to be trusted, 0 to 1.
    pub reliability: f64,
    /// What it speaks of.
    pub event_at: DateTime<Utc>,
    /// Since when it could be known.
    pub available_at: DateTime<Utc>,
}

/// A source that gave nothing, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Missing {
    /// The source.
    pub source: String,
    /// Why.
    pub reason: String,
}

impl View {
    /// Returns why the view must not be used at `now`, if so.
    pub fn refusal(&self, now: DateTime<Utc>) -> Option<String> {
        if self.available_at > now {
            return Some(format!("known only since {}, which is after {now}", self.available_at));
        }
        let (score, within) = (self.score, |value: f64| (0.0..=1.0).contains(&value));
        if !(-1.0..=1.0).contains(&score) || !within(self.confidence) || !within(self.reliability) {
            return Some(format!(
                "score {score}, confidence {} or reliability {} is out of bounds",
                self.confidence, self.reliability
            ));
        }
        None
    }

    /// Returns confidence x reliability x freshness.
    pub fn weight(&self, now: DateTime<Utc>) -> f64 {
        let age = (now - self.available_at).as_seconds_f64().max(0.0);
        let half_life = half_life(&self.analysis_type).as_seconds_f64();
        self.confidence * self.reliability * (-age / half_life).exp2()
    }
}

/// Returns after how long a view counts for half: as long as its next one takes, about.
fn half_life(analysis_type: &str) -> TimeDelta {
    TimeDelta::days(match analysis_type {
        "sentiment" => 1,
        "short_interest" => 5,
        "fundamentals" => 180,
        "macro" => 60,
        _ => 3,
    })
}

/// Returns how far a source is to be trusted, 0 to 1; 0.5 for one that is not known.
pub fn reliability(source: &str) -> f64 {
    match source {
        "sec-edgar" | "sec" | "edgar" | "fred" | "alpaca" => 0.95,
        "finra" | "polygon" => 0.90,
        "finnhub" | "twelvedata" => 0.85,
        "yahoo" | "gdelt" | "huggingface" => 0.80,
        "newsapi" => 0.75,
        _ => 0.5,
    }
}
