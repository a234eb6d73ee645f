//! Says in words what the figures of a run show, and what they don't.

use std::fmt::Write;

use domain::backtest::{BarsUsed, Report};

use super::Summary;

/// Fewer closed trades than this are called weak evidence: the usual rule of thumb for a
/// mean to be judged at all.
const FEW_TRADES: usize = 30;

/// Returns a few plain sentences about a run; they name simulated bars where there are any.
pub(super) fn interpret(summary: &Summary, report: &Report) -> String {
    sentences(summary, report.dates.len(), &report.bars_used)
}

fn sentences(summary: &Summary, sessions: usize, bars: &BarsUsed) -> String {
    let mut text = format!(
        "Over {} the strategy returned {:.2} % with a largest drawdown of {:.2} %",
        count(sessions, "session"),
        zeroed(summary.total_return_pct),
        zeroed(summary.max_drawdown_pct),
    );
    let trades = &summary.trades;
    match (trades.fills, trades.total_trades) {
        (0, _) => text.push_str("; it never traded, so this says nothing about its rules."),
        (_, 0) => text.push_str("; no position was closed, so there is no win rate."),
        (_, closed) => {
            let _ = write!(
                text,
                "; {} closed, {:.1} % with a profit.",
                count(closed, "trade"),
                zeroed(trades.win_rate_pct)
            );
            if closed < FEW_TRADES {
                text.push_str(" So few trades are weak evidence.");
            }
        }
    }
    if bars.any_simulated() {
        let _ = write!(
            text,
            " {} of {} are simulated and say nothing about the real market.",
            bars.simulated,
            count(bars.real + bars.simulated, "bar")
        );
    }
    text
}

/// Keeps "-0.00" out of the text.
fn zeroed(value: f64) -> f64 {
    if value.abs() < 0.005 { 0.0 } else { value }
}

fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::backtests::TradeFigures;

    #[test]
    fn a_run_without_trades_claims_nothing_about_the_strategy() {
        let summary = Summary { total_return_pct: -0.0, ..Summary::default() };
        assert_eq!(
            sentences(&summary, 21, &BarsUsed { real: 42, ..BarsUsed::default() }),
            "Over 21 sessions the strategy returned 0.00 % with a largest drawdown of 0.00 %; it never traded, \
             so this says nothing about its rules."
        );
    }

    #[test]
    fn few_trades_are_called_weak_evidence() {
        for (closed, weak) in [(1, true), (29, true), (30, false)] {
            let trades = TradeFigures { fills: 60, total_trades: closed, ..TradeFigures::default() };
            let said = sentences(&Summary { trades, ..Summary::default() }, 500, &BarsUsed::default());
            assert_eq!(said.contains("weak evidence"), weak, "{said}");
        }
    }

    #[test]
    fn simulated_bars_are_always_named() {
        let bars = BarsUsed { real: 40, simulated: 2, first_simulated: None };
        let said = sentences(&Summary::default(), 1, &bars);
        assert!(said.contains("Over 1 session "), "{said}");
        assert!(
            said.ends_with("2 of 42 bars are simulated and say nothing about the real market."),
            "{said}"
        );
    }
}
