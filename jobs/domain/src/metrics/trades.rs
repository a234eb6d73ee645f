//! Figures of closed round trips.

use serde::{Deserialize, Serialize};

use super::defined;
use crate::backtest::RoundTrip;

/// Figures of a list of closed round trips; open positions are not among them.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct TradeMetrics {
    /// Closed round trips.
    pub total: usize,
    /// Those with a profit net of fees above zero.
    pub winning: usize,
    /// Those with a loss, or nothing.
    pub losing: usize,
    /// Winning over all, fraction.
    pub win_rate: Option<f64>,
    /// Sum of profits over sum of losses, in money, net of fees.
    pub profit_factor: Option<f64>,
    /// Sum of positive over sum of negative trade returns (backtesting.py's form).
    pub profit_factor_of_returns: Option<f64>,
    /// Mean return of the winning trades, fraction of the opening value.
    pub average_win: Option<f64>,
    /// Mean return of the losing trades, zero or negative.
    pub average_loss: Option<f64>,
    /// Mean profit, money.
    pub expectancy: Option<f64>,
    /// Mean return, fraction.
    pub expectancy_return: Option<f64>,
    /// Best return of a trade, fraction.
    pub best_return: Option<f64>,
    /// Worst return of a trade, fraction.
    pub worst_return: Option<f64>,
    /// Mean calendar days from opening to closing session.
    pub average_holding_days: Option<f64>,
    /// Closed trades for each average month (365.25 / 12 days) of the run.
    pub per_month: Option<f64>,
    /// sqrt(n) times mean profit over its deviation (ddof 1). Source: Tharp, system quality
    /// number.
    pub system_quality: Option<f64>,
    /// Win rate less loss rate over the pay-off ratio of mean profits. Source: Kelly (1956).
    pub kelly: Option<f64>,
}

/// Returns the figures of `trades`, over a run of `days` calendar days.
pub fn trade_metrics(trades: &[RoundTrip], days: i64) -> TradeMetrics {
    let total = trades.len();
    if total == 0 {
        return TradeMetrics { per_month: (days > 0).then_some(0.0), ..TradeMetrics::default() };
    }
    let count = total as f64;
    let mut sums = Sums::default();
    for trade in trades {
        sums.add(trade);
    }
    let mean = sums.pnl / count;
    let squares: f64 = trades.iter().map(|t| (t.pnl - mean).powi(2)).sum();
    let losing = total - sums.winning;
    let (wins, losses) = (sums.winning as f64, losing as f64);
    let win_rate = wins / count;
    let pay_off = (sums.won / wins) / -(sums.lost / losses);
    TradeMetrics {
        total,
        winning: sums.winning,
        losing,
        win_rate: Some(win_rate),
        profit_factor: defined(sums.won / -sums.lost),
        profit_factor_of_returns: defined(sums.won_return / -sums.lost_return),
        average_win: defined(sums.won_return_net / wins),
        average_loss: defined(sums.lost_return_net / losses),
        expectancy: defined(mean),
        expectancy_return: defined((sums.won_return + sums.lost_return) / count),
        best_return: defined(sums.best),
        worst_return: defined(sums.worst),
        average_holding_days: defined(sums.days as f64 / count),
        per_month: defined(count / (days as f64 / (365.25 / 12.0))),
        system_quality: if total < 2 {
            None
        } else {
            defined(count.sqrt() * mean / (squares / (count - 1.0)).sqrt())
        },
        kelly: defined(win_rate - (1.0 - win_rate) / pay_off),
    }
}

struct Sums {
    winning: usize,
    pnl: f64,
    won: f64,
    lost: f64,
    won_return: f64,
    lost_return: f64,
    won_return_net: f64,
    lost_return_net: f64,
    best: f64,
    worst: f64,
    days: i64,
}

impl Default for Sums {
    fn default() -> Self {
        Self {
            winning: 0,
            pnl: 0.0,
            won: 0.0,
            lost: 0.0,
            won_return: 0.0,
            lost_return: 0.0,
            won_return_net: 0.0,
            lost_return_net: 0.0,
            best: f64::NEG_INFINITY,
            worst: f64::INFINITY,
            days: 0,
        }
    }
}

impl Sums {
    fn add(&mut self, trade: &RoundTrip) {
        let gain = trade.return_fraction;
        self.pnl += trade.pnl;
        self.won += trade.pnl.max(0.0);
        self.lost += trade.pnl.min(0.0);
        self.won_return += gain.max(0.0);
        self.lost_return += gain.min(0.0);
        if trade.pnl > 0.0 {
            self.winning += 1;
            self.won_return_net += gain;
        } else {
            self.lost_return_net += gain;
        }
        self.best = self.best.max(gain);
        self.worst = self.worst.min(gain);
        self.days += trade.holding_days();
    }
}

#[cfg(test)]
mod tests {
    use chrono::{Days, NaiveDate};

    use super::*;
    use crate::backtest::{Reason, Side};

    fn trip(pnl: f64, days: u64) -> RoundTrip {
        let entry_date = NaiveDate::from_ymd_opt(2024, 1, 1).expect("a date of the calendar");
        RoundTrip {
            symbol: 0,
            side: Side::Buy,
            quantity: 1.0,
            entry_bar: 0,
            exit_bar: 1,
            entry_date,
            exit_date: entry_date + Days::new(days),
            entry_price: 100.0,
            exit_price: 100.0 + pnl,
            entry_fees: 0.0,
            exit_fees: 0.0,
            pnl,
            return_fraction: pnl / 100.0,
            closed_by: Some(Reason::Exit),
        }
    }

    fn near(got: Option<f64>, expected: f64) {
        let got = got.expect("the figure is defined");
        assert!((got - expected).abs() < 1e-12, "{got} {expected}");
    }

    #[test]
    fn wins_and_losses_are_told_apart() {
        let got = trade_metrics(&[trip(10.0, 4), trip(-5.0, 2), trip(0.0, 0), trip(20.0, 6)], 365);
        assert_eq!((got.total, got.winning, got.losing), (4, 2, 2));
        near(got.win_rate, 0.5);
        near(got.profit_factor, 6.0);
        near(got.average_win, 0.15);
        near(got.average_loss, -0.025);
        near(got.expectancy, 6.25);
        near(got.average_holding_days, 3.0);
        near(got.per_month, 4.0 / (365.0 * 12.0 / 365.25));
        near(got.kelly, 0.5 - 0.5 / (15.0 / 2.5));
    }

    #[test]
    fn what_cannot_be_divided_is_undefined() {
        let none = trade_metrics(&[], 30);
        assert_eq!((none.total, none.win_rate, none.profit_factor), (0, None, None));
        near(none.per_month, 0.0);
        let only_wins = trade_metrics(&[trip(1.0, 1)], 0);
        assert_eq!((only_wins.profit_factor, only_wins.average_loss), (None, None));
        assert_eq!((only_wins.per_month, only_wins.system_quality), (None, None));
    }
}
