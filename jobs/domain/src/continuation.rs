//! Continues a real price series beyond its end, so that a date without recorded bars can
//! still be back-tested. What it makes is simulated, is marked so, and predicts nothing.
//!
//! The method is a block bootstrap: blocks of consecutive real sessions are drawn, and
//! each contributes its gain, gap, range and volume relative to the day before, so that
//! calm and wild spells stay together (Künsch 1989, "The jackknife and the bootstrap for
//! general stationary observations"). Two corrections keep decades of it sane: the gains
//! are centred on a modest drift of [`YEARLY_DRIFT`], since the past of firms known to have
//! done well would compound to fortunes; and the price is held on a loose leash to that
//! trend, closing [`LEASH`] of the gap each session, less than a tenth of a percent at a gap
//! of half the price. Strategies that look for long trends will find fewer than in life.
//!
//! The same series gives the same bits everywhere, and continuing further only appends.

mod history;
mod splitmix;

use chrono::NaiveDate;
use thiserror::Error;

use crate::{
    bars::{Provenance, Series},
    calendar,
};
use history::{History, Shape};
use splitmix::SplitMix64;

/// Names the method; changes whenever the bars it makes do.
pub const REVISION: &str = "block-bootstrap-1";
/// The trend of the simulated prices, as a fraction a year.
pub const YEARLY_DRIFT: f64 = 0.05;
/// The fraction of the gap to the trend that is closed in a session; about half in a year
/// and a half.
pub const LEASH: f64 = 1.0 / 504.0;
/// Sessions a drawn block has: two trading weeks.
pub const BLOCK: usize = 10;
/// The fewest bars a series needs to be continued.
pub const FEWEST_BARS: usize = 30;

const SEED: u64 = 0x0ca9_57a4_2026_0001;
const VERSION: u64 = 1;
const SESSIONS_A_YEAR: f64 = 252.0;
/// No session may lose more than four fifths, whatever the corrections add up to.
const SMALLEST_GAIN: f64 = 0.2;
/// The smallest price that six decimals can hold.
const SMALLEST_PRICE: f64 = 0.000_001;
/// The largest price; leaves the table's twelve whole digits some room.
const LARGEST_PRICE: f64 = 1e9;
const LARGEST_VOLUME: f64 = 1e15;

/// Why a series can't be continued.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum ContinuationError {
    /// There is too little history to draw from.
    #[error("{symbol} has {bars} bars, needs at least {FEWEST_BARS} to be continued")]
    TooShort {
        /// The series' symbol.
        symbol: String,
        /// How many bars it has.
        bars: usize,
    },
}

/// Returns the simulated bars from the session after `real` ends to `through`, included.
///
/// `real` itself is not repeated; the answer is empty when it reaches `through`. Prices have
/// six decimals, volumes are whole.
pub fn continuation(real: &Series, through: NaiveDate) -> Result<Series, ContinuationError> {
    let bars = real.len();
    if bars < FEWEST_BARS {
        return Err(ContinuationError::TooShort { symbol: real.symbol.clone(), bars });
    }
    let mut simulated = Series { symbol: real.symbol.clone(), ..Series::default() };
    let mut path = Path::after(real);
    for date in calendar::sessions(calendar::next_session(real.dates[bars - 1]), through) {
        path.step(date, &mut simulated);
    }
    Ok(simulated)
}

/// Where the simulation stands after a session.
struct Path {
    history: History,
    random: SplitMix64,
    /// The next shape to use, and how many of its block are left.
    next: usize,
    left: usize,
    close: f64,
    trend: f64,
}

impl Path {
    fn after(real: &Series) -> Self {
        let close = real.close[real.len() - 1];
        Self {
            history: History::of(real),
            random: SplitMix64::seeded(&real.symbol, SEED, VERSION),
            next: 0,
            left: 0,
            close,
            trend: close,
        }
    }

    fn draw(&mut self) -> Shape {
        if self.left == 0 || self.next == self.history.shapes.len() {
            self.next = self.random.below(self.history.shapes.len());
            self.left = BLOCK;
        }
        self.next += 1;
        self.left -= 1;
        self.history.shapes[self.next - 1]
    }

    fn step(&mut self, date: NaiveDate, out: &mut Series) {
        let shape = self.draw();
        let drift = YEARLY_DRIFT / SESSIONS_A_YEAR;
        let pull = LEASH * (1.0 - self.close / self.trend);
        let gain = (1.0 + shape.gain - self.history.mean_gain + drift + pull).max(SMALLEST_GAIN);
        // The correction falls into the gap before the opening, so that the session itself
        // keeps the proportions of the real one.
        let open = priced(self.close * shape.gap * (gain / shape.gain));
        let close = priced(self.close * gain);
        out.dates.push(date);
        out.open.push(open);
        out.high.push(priced(open.max(close) * shape.upper).max(open).max(close));
        out.low.push(priced(open.min(close) * shape.lower).min(open).min(close));
        out.close.push(close);
        out.volume.push((self.history.volume * shape.busyness).round().clamp(1.0, LARGEST_VOLUME));
        out.provenance.push(Provenance::Simulated);
        self.close = close;
        self.trend *= 1.0 + drift;
    }
}

fn priced(price: f64) -> f64 {
    (price.clamp(SMALLEST_PRICE, LARGEST_PRICE) * 1e6).round() / 1e6
}

#[cfg(test)]
mod tests;
