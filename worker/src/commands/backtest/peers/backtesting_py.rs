//! The rules of backtesting.py 0.6.6 around our engine.
//!
//! Peculiar to it: the first decision comes one bar after the warm-up; sizes work the
//! commission out from the *fraction*; an order that cannot be paid is dropped, not cut; the
//! spread is paid on opening only; a signal in the direction held renews the position;
//! orders for this close are booked while the next bar is processed; and at the end the last
//! bar is processed once more, which closes what is open at that bar's own opening price.

use domain::backtest::{
    Ask, Config, Direction, Fill, Mask, Reason, Report, RoundTrip, Side, Signals, Simulation, Terms,
};
use domain::bars::Series;

use super::super::case::{Case, CaseFill, CaseSizing, Execution};
use super::super::outcome::Outcome;

/// Re-runs `case` by these rules.
pub(super) fn replay(case: &Case, series: &Series) -> anyhow::Result<Outcome> {
    let x = &case.execution;
    let rule = case.rule()?;
    let first = rule.warm_up() + 1;
    let this_close = x.fill == CaseFill::ThisClose;
    // The generator passes no levels to the orders of a long/short case.
    let levels = x.direction == Direction::LongOnly;
    let config = Config {
        fill: if this_close { Fill::SameClose } else { Fill::NextOpen },
        direction: x.direction,
        stop_loss: x.stop_loss_pct.filter(|_| levels),
        take_profit: x.take_profit_pct.filter(|_| levels),
        first_decision: Some(first),
        ..Config::new(rule, x.cash)
    };
    let terms = Peculiar::new(x);
    let signals = Signals::new(&rule, series);
    let acted = Signals { entry: but_last(&signals.entry), exit: but_last(&signals.exit), levels: None };
    let one = std::slice::from_ref(series);
    let mut report = Simulation::with_signals(&config, terms, one, vec![acted])?.finish();
    if this_close {
        book_later(&mut report, series, x.cash);
    }
    let mut outcome = Outcome { equity: report.equity.clone(), trades: report.trades.clone() };
    if x.finalize && series.len() > 1 {
        LastBar { config: &config, terms, series, signals: &signals, first }.again(&report, &mut outcome);
    }
    Ok(outcome)
}

/// A decision on the last bar has no bar to be filled on.
fn but_last(mask: &Mask) -> Mask {
    Mask::from_fn(mask.len(), |bar| bar + 1 < mask.len() && mask.get(bar))
}

/// Puts the point of a filled bar back to what was held before: fills for this close are
/// booked while the next bar is processed.
fn book_later(report: &mut Report, series: &Series, initial_cash: f64) {
    let (mut cash, mut held, mut booked) = (initial_cash, 0.0, None);
    for event in &report.events {
        let by_rule = matches!(event.reason, Reason::Entry | Reason::Exit);
        if by_rule && booked != Some(event.bar) {
            report.equity[event.bar] = cash + held * series.close[event.bar];
        }
        booked = by_rule.then_some(event.bar);
        (cash, held) = (event.cash_after, event.position_after);
    }
}

/// Prices, fees and sizes of backtesting.py.
#[derive(Debug, Clone, Copy)]
struct Peculiar {
    fixed: f64,
    fraction: f64,
    spread: f64,
    sizing: CaseSizing,
}

impl Peculiar {
    fn new(x: &Execution) -> Self {
        Self { fixed: x.commission_fixed, fraction: x.commission_pct, spread: x.spread, sizing: x.sizing }
    }

    fn commission(&self, size: f64, price: f64) -> f64 {
        self.fixed + size * price * self.fraction
    }

    fn by_fraction(&self, ask: &Ask, fraction: f64) -> f64 {
        let share = ask.price + self.commission(fraction, ask.reference) / fraction;
        floor_divide(ask.free_cash * fraction, share)
    }
}

impl Terms for Peculiar {
    fn price(&self, side: Side, opening: bool, reference: f64) -> f64 {
        if opening { reference * (1.0 + side.sign() * self.spread) } else { reference }
    }

    fn fees(&self, quantity: f64, price: f64, _share: f64) -> f64 {
        self.commission(quantity, price)
    }

    fn quantity(&self, ask: &Ask) -> f64 {
        match self.sizing {
            CaseSizing::AllIn => self.by_fraction(ask, 1.0 - f64::EPSILON),
            CaseSizing::EquityFraction { fraction } => self.by_fraction(ask, fraction),
            CaseSizing::Units { units } => {
                let share = ask.price + self.commission(units, ask.reference) / units;
                if units * share > ask.free_cash { 0.0 } else { units }
            }
            // The peer knows no such size.
            CaseSizing::Notional { .. } => f64::NAN,
        }
    }

    fn renews(&self) -> bool {
        true
    }
}

/// Python's `//` on floats, which differs from a floored quotient at exact multiples.
fn floor_divide(a: f64, b: f64) -> f64 {
    let quotient = (a - a % b) / b;
    let floor = quotient.floor();
    if quotient - floor > 0.5 { floor + 1.0 } else { floor }
}

/// The last bar, processed again after the end of the data.
struct LastBar<'a> {
    config: &'a Config,
    terms: Peculiar,
    series: &'a Series,
    signals: &'a Signals,
    first: usize,
}

impl LastBar<'_> {
    /// Closes the open position, fills what was decided on the last bar, and overwrites the
    /// last point of the curve.
    fn again(&self, report: &Report, outcome: &mut Outcome) {
        let last = self.series.len() - 1;
        let (bar, price) = match self.config.fill {
            Fill::SameClose => (last - 1, self.series.close[last - 1]),
            Fill::NextOpen | Fill::NextClose => (last, self.series.open[last]),
        };
        let mut cash = report.cash[last];
        if let Some(position) = report.open_positions.first() {
            let closed = self.closed(position, bar, price);
            cash += closed.signed_quantity() * price - closed.exit_fees;
            outcome.trades.push(closed);
        }
        let mut value = 0.0;
        if let Some(side) = self.pending(report.open_positions.is_empty()) {
            let paid = self.terms.price(side, true, price);
            let ask = Ask {
                side,
                reference: price,
                price: paid,
                free_cash: cash,
                equity: cash,
                short_value: 0.0,
                symbols: 1,
            };
            let quantity = self.terms.quantity(&ask);
            if quantity > 0.0 {
                let fees = self.terms.fees(quantity, paid, 1.0);
                cash -= side.sign() * quantity * paid + fees;
                let opened = self.opened(side, quantity, bar, paid, fees);
                if let Some(level) = self.level_reached() {
                    let closed = self.closed(&opened, last, level);
                    cash += closed.signed_quantity() * level - closed.exit_fees;
                    outcome.trades.push(closed);
                } else {
                    value = side.sign() * quantity * self.series.close[last];
                }
            }
        }
        outcome.equity[last] = cash + value;
    }

    /// Returns the side of the opening order decided on the last bar.
    fn pending(&self, flat: bool) -> Option<Side> {
        let last = self.series.len() - 1;
        let (entry, exit) = (self.signals.entry.get(last), self.signals.exit.get(last));
        match self.config.direction {
            _ if last < self.first => None,
            Direction::LongOnly => (flat && entry).then_some(Side::Buy),
            Direction::LongShort if entry => Some(Side::Buy),
            Direction::LongShort => exit.then_some(Side::Sell),
        }
    }

    /// Returns where a long position decided on the last close leaves on the last bar.
    fn level_reached(&self) -> Option<f64> {
        let last = self.series.len() - 1;
        let (open, close) = (self.series.open[last], self.series.close[last]);
        let stop = self.config.stop_loss.map(|f| close * (1.0 - f));
        let target = self.config.take_profit.map(|f| close * (1.0 + f));
        match (stop, target) {
            (Some(stop), _) if self.series.low[last] <= stop => Some(open.min(stop)),
            (_, Some(target)) if self.series.high[last] >= target => Some(open.max(target)),
            _ => None,
        }
    }

    fn opened(&self, side: Side, quantity: f64, bar: usize, price: f64, fees: f64) -> RoundTrip {
        let date = self.series.dates[bar];
        RoundTrip {
            symbol: 0,
            side,
            quantity,
            entry_bar: bar,
            exit_bar: bar,
            entry_date: date,
            exit_date: date,
            entry_price: price,
            exit_price: price,
            entry_fees: fees,
            exit_fees: 0.0,
            pnl: -fees,
            return_fraction: -fees / (quantity * price),
            closed_by: None,
        }
    }

    fn closed(&self, position: &RoundTrip, bar: usize, price: f64) -> RoundTrip {
        let exit_fees = self.terms.fees(position.quantity, price, 1.0);
        let gross = position.signed_quantity() * (price - position.entry_price);
        let pnl = gross - position.entry_fees - exit_fees;
        RoundTrip {
            exit_bar: bar,
            exit_date: self.series.dates[bar],
            exit_price: price,
            exit_fees,
            pnl,
            return_fraction: pnl / (position.quantity * position.entry_price),
            closed_by: Some(Reason::CloseAtEnd),
            ..*position
        }
    }
}
