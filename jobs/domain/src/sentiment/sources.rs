//! The opinions of several sources, one verdict.

use serde::{Deserialize, Serialize};

use super::{CONFLICT_BEYOND, TREND_BEYOND, moments};

/// Beyond this severity there is no verdict but that they are in conflict.
const CONFLICTED_BEYOND: f64 = 0.7;
/// What one source says alone is worth so much of its confidence.
const ALONE: f64 = 0.7;

/// What one source says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SourceScore {
    /// -1 to 1.
    pub score: f64,
    /// 0 to 1.
    pub confidence: f64,
    /// How much the source counts; above zero.
    pub weight: f64,
}

/// What comes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Above 0.25.
    Bullish,
    /// Below -0.25.
    Bearish,
    /// Between.
    Neutral,
    /// The sources contradict each other.
    Conflicted,
}

/// What the sources say together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Combined {
    /// Mean by weight and confidence, -1 to 1.
    pub score: f64,
    /// Their mean, less when one speaks alone; 0 to 1.
    pub confidence: f64,
    /// Standard deviation by 0.5, at most 1.
    pub severity: f64,
    /// Whether they contradict each other: the standard deviation is above 0.5.
    pub conflict: bool,
    /// What comes of it.
    pub verdict: Verdict,
}

/// Returns what `sources` say together, whatever their order; `None` when none says anything.
pub fn combine(sources: &[SourceScore]) -> Option<Combined> {
    let speaking = || sources.iter().filter(|one| one.confidence > 0.0 && one.weight > 0.0);
    let score_of = |one: &SourceScore| one.score.clamp(-1.0, 1.0);
    let (score, _) = moments(speaking().map(|one| (score_of(one), one.weight * one.confidence)).collect())?;
    let (_, deviation) = moments(speaking().map(|one| (score_of(one), 1.0)).collect())?;
    let (sure, _) = moments(speaking().map(|one| (one.confidence.min(1.0), 1.0)).collect())?;
    let severity = (deviation / CONFLICT_BEYOND).min(1.0);
    let verdict = match score {
        _ if severity > CONFLICTED_BEYOND => Verdict::Conflicted,
        s if s > TREND_BEYOND => Verdict::Bullish,
        s if s < -TREND_BEYOND => Verdict::Bearish,
        _ => Verdict::Neutral,
    };
    Some(Combined {
        score: score.clamp(-1.0, 1.0),
        confidence: if speaking().count() < 2 { sure * ALONE } else { sure },
        severity,
        conflict: deviation > CONFLICT_BEYOND,
        verdict,
    })
}
