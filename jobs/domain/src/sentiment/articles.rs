//! Many articles of one source, one opinion.

use chrono::{DateTime, Utc};

use super::{CONFLICT_BEYOND, Trend, moments};

/// After so many hours an article counts for half.
pub const HALF_LIFE_HOURS: f64 = 24.0;
/// So many articles make a full opinion.
const FULL: f64 = 10.0;

/// An article that was scored.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Article {
    /// -1 to 1.
    pub score: f64,
    /// 0 to 1; an article of which nothing is known (0) does not count.
    pub confidence: f64,
    /// When it was published.
    pub published_at: DateTime<Utc>,
}

/// What the articles say together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Aggregate {
    /// -1 to 1.
    pub score: f64,
    /// min(1, articles / 10) x agreement, 0 to 1.
    pub confidence: f64,
    /// 1 less the standard deviation of their scores, 0 to 1.
    pub agreement: f64,
    /// Where they point.
    pub trend: Trend,
    /// Whether they contradict each other.
    pub conflict: bool,
    /// How many counted.
    pub articles: usize,
}

/// Returns what `articles` say at `now`, newer ones weighing more; `None` when none says anything.
/// Those published after `now` are not known yet.
pub fn aggregate(articles: &[Article], now: DateTime<Utc>) -> Option<Aggregate> {
    let counting = articles.iter().filter(|one| one.published_at <= now && one.confidence > 0.0);
    let pairs: Vec<_> = counting
        .map(|one| {
            let hours = (now - one.published_at).as_seconds_f64() / 3600.0;
            (one.score.clamp(-1.0, 1.0), one.confidence.min(1.0) * (-hours / HALF_LIFE_HOURS).exp2())
        })
        .collect();
    let count = pairs.len();
    let (score, deviation) = moments(pairs)?;
    let agreement = (1.0 - deviation).clamp(0.0, 1.0);
    Some(Aggregate {
        score: score.clamp(-1.0, 1.0),
        confidence: (count as f64 / FULL).min(1.0) * agreement,
        agreement,
        trend: Trend::of(score),
        conflict: deviation > CONFLICT_BEYOND,
        articles: count,
    })
}
