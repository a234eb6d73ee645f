//! What a sweep found, in figures and in words.

use std::fmt::Write;

use domain::grid::{Distribution, expected_best_sharpe};
use serde_json::{Value, json};

use crate::{
    db::sweeps::Ranked,
    kinds::sweep_work::{Work, simulated_bars},
};

/// How many of the best the summary repeats.
const TOP: usize = 10;

/// Returns the summary of `ranked`, best first.
pub(super) fn of(ranked: &[Ranked], work: &Work, provenance: &Value) -> Value {
    let sharpe = Distribution::new(ranked.iter().filter_map(|one| one.sharpe));
    let by_luck = sharpe.and_then(|spread| expected_best_sharpe(spread.count, spread.deviation));
    let best = ranked.first().filter(|best| best.score.is_some());
    let mut note = words(ranked.len(), best, by_luck);
    note.extend(simulated_bars(provenance));
    json!({
        "rankBy": work.rank_by.as_str(),
        "combinations": work.spec.combinations,
        "skipped": work.spec.skipped,
        "evaluated": ranked.len(),
        "undefined": ranked.iter().filter(|one| one.score.is_none()).count(),
        "profitable": ranked.iter().filter(|one| one.total_return > 0.0).count(),
        "best": best.map(shown),
        "top": ranked.iter().take_while(|one| one.score.is_some()).take(TOP).map(shown).collect::<Vec<_>>(),
        "scores": Distribution::new(ranked.iter().filter_map(|one| one.score)),
        "sharpe": sharpe,
        "expectedBestSharpeByLuck": by_luck,
        "note": note,
    })
}

fn shown(one: &Ranked) -> Value {
    json!({
        "rank": one.rank,
        "parameters": one.parameters,
        "totalReturn": one.total_return,
        "sharpe": one.sharpe,
        "maxDrawdown": one.max_drawdown,
        "calmar": one.calmar,
        "trades": one.trades,
        "winning": one.winning,
        "openAtEnd": one.open_at_end,
    })
}

fn words(evaluated: usize, best: Option<&Ranked>, by_luck: Option<f64>) -> String {
    let Some(best) = best else {
        return format!("None of {evaluated} combinations has the figure that they are ranked by.");
    };
    let mut text = format!(
        "{evaluated} combinations were tried on the same bars and the best was picked afterwards, so its figures \
         flatter it. A walk-forward shows what is left on bars that were not looked at."
    );
    if let (Some(by_luck), Some(sharpe)) = (by_luck, best.sharpe) {
        let _ = write!(
            text,
            " With Sharpe ratios spread like these, the best of as many independent rules without any skill is \
             expected to show {by_luck:.2}; the one ranked first shows {sharpe:.2}. Combinations of a grid are \
             alike, so the true bar lies lower."
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranked(sharpe: Option<f64>) -> Ranked {
        Ranked {
            rank: 1,
            parameters: json!({"fast": 5}),
            total_return: 0.1,
            sharpe,
            max_drawdown: -0.1,
            calmar: None,
            trades: 3,
            winning: 2,
            open_at_end: false,
            score: sharpe,
        }
    }

    #[test]
    fn the_words_say_how_many_were_tried_and_what_luck_would_show() {
        let said = words(400, Some(&ranked(Some(1.25))), Some(0.8));
        for part in ["400 combinations", "flatter", "0.80", "1.25"] {
            assert!(said.contains(part), "{part}: {said}");
        }
        assert!(words(3, None, None).starts_with("None of 3"));
    }
}
