//! A score from the share of trading off the exchanges that was short.

use super::Derived;

/// About half of it is short on any day: market makers sell what they do not hold yet.
const USUAL: f64 = 0.48;
/// So far from it is a full score.
const FULL: f64 = 0.20;
const SESSIONS: usize = 5;

/// Scores the last five sessions' `(short, total)` shares, oldest first: more short than usual is
/// bad. `None` without a session that had trading.
pub fn short_ratio(sessions: &[(f64, f64)]) -> Option<Derived> {
    let traded: Vec<_> = sessions
        .iter()
        .filter(|(short, total)| *total > 0.0 && (0.0..=*total).contains(short))
        .map(|(short, total)| short / total)
        .collect();
    let last = &traded[traded.len().saturating_sub(SESSIONS)..];
    if last.is_empty() {
        return None;
    }
    let mean = last.iter().sum::<f64>() / last.len() as f64;
    let confidence = 0.5 * last.len() as f64 / SESSIONS as f64;
    Some(Derived { score: ((USUAL - mean) / FULL).clamp(-1.0, 1.0), confidence })
}
