//! The opinion in a sentence or two.

use std::fmt::Write;

use super::columns::Row;
use super::judgement::Judgement;
use crate::decision::Action;

/// Returns why `judged` came out of `row`, in plain text.
pub(super) fn of(judged: &Judgement, row: &Row) -> String {
    let (scores, weights) = (&judged.scores, &judged.weights);
    let verdict = match judged.action {
        Action::Buy => "is above",
        Action::Sell => "is below minus",
        Action::Hold => "stays within",
    };
    let mut text = format!(
        "net score {} {verdict} {} in a {} market: momentum {} x {:.2}, trend {} x {:.2}, volatility {} x {:.2}",
        signed(judged.net),
        judged.regime.threshold(),
        judged.regime.as_str(),
        signed(scores.momentum),
        weights.momentum,
        signed(scores.trend),
        weights.trend,
        signed(scores.volatility),
        weights.volatility,
    );
    match scores.sentiment {
        Some(score) => write!(text, ", sentiment {} x {:.2}", signed(score), weights.sentiment),
        None => write!(text, ", no sentiment"),
    }
    .expect("writing to a string succeeds");
    let percent = |value: f64| signed(100.0 * value);
    write!(
        text,
        "; RSI {:.1}, ADX {:.1}, MACD histogram {}, range {:.2} % a day, price {} % off its 50-day mean",
        row.rsi14,
        row.adx14,
        signed(row.histogram),
        100.0 * row.atr14 / judged.price,
        percent(judged.price / row.sma50 - 1.0),
    )
    .expect("writing to a string succeeds");
    text
}

/// Two decimals with a sign, and none on zero.
fn signed(value: f64) -> String {
    let text = format!("{value:+.2}");
    if text == "-0.00" || text == "+0.00" { "0.00".to_owned() } else { text }
}
