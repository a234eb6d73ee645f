//! Figures of an equity curve that is never written down, from its segments.

use crate::metrics::PERIODS_PER_YEAR;

/// Bars to a block of extremes.
const BLOCK: usize = 8;

/// What all curves over one column of closes share.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    /// Running sums of the closes' simple returns and of their squares: entry t sums the
    /// returns into bars 1..=t.
    returns: Vec<[f64; 2]>,
    /// Lowest and highest close of each block of [`BLOCK`] bars.
    extremes: Vec<[f64; 2]>,
}

impl Shared {
    pub(crate) fn new(close: &[f64]) -> Self {
        let mut sums = [0.0; 2];
        let mut returns = Vec::with_capacity(close.len());
        for bar in 0..close.len() {
            if bar > 0 {
                let change = close[bar] / close[bar - 1] - 1.0;
                sums[0] += change;
                sums[1] += change * change;
            }
            returns.push(sums);
        }
        let extremes = close
            .chunks(BLOCK)
            .map(|block| {
                block.iter().fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], &close| {
                    [low.min(close), high.max(close)]
                })
            })
            .collect();
        Self { returns, extremes }
    }
}

/// A curve under way.
#[derive(Debug)]
pub(crate) struct Curve<'a> {
    shared: &'a Shared,
    close: &'a [f64],
    /// The last point, and whether there is one yet.
    point: f64,
    started: bool,
    sum: f64,
    squares: f64,
    peak: f64,
    /// A point below this is a new deepest drawdown.
    floor: f64,
    deepest: f64,
}

/// The figures of a finished curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Figures {
    pub last: f64,
    pub max_drawdown: f64,
    pub sharpe: Option<f64>,
}

impl<'a> Curve<'a> {
    pub(crate) fn new(shared: &'a Shared, close: &'a [f64], cash: f64) -> Self {
        let none = f64::MIN_POSITIVE;
        Self {
            shared,
            close,
            point: cash,
            started: false,
            sum: 0.0,
            squares: 0.0,
            peak: none,
            floor: none,
            deepest: 0.0,
        }
    }

    /// Adds bars `from..to`, on which `quantity` shares and `cash` are held.
    #[inline]
    pub(crate) fn hold(&mut self, from: usize, to: usize, quantity: f64, cash: f64) {
        if from >= to {
            return;
        }
        self.arrive(from);
        let first = cash + quantity * self.close[from];
        self.step_to(first);
        self.reach(first);
        let last = cash + quantity * self.close[to - 1];
        if cash <= 1e-13 * first {
            // All in shares: the returns are the closes' own, summed once for all.
            let [sum, squares] = self.shared.returns[to - 1];
            let [sum_before, squares_before] = self.shared.returns[from];
            self.sum += sum - sum_before;
            self.squares += squares - squares_before;
        } else {
            self.add_returns(from, to, quantity, cash);
        }
        self.point = last;
        self.reach_all(from + 1, to, quantity, cash);
    }

    /// Adds the bar on which the position is left.
    #[inline]
    pub(crate) fn leave(&mut self, bar: usize, cash: f64) {
        self.arrive(bar);
        self.step_to(cash);
        self.reach(cash);
    }

    /// Takes in the flat bars before `bar`: their level may be the first peak.
    #[inline]
    fn arrive(&mut self, bar: usize) {
        if bar > 0 {
            self.reach(self.point);
            self.started = true;
        }
    }

    #[inline]
    fn step_to(&mut self, point: f64) {
        if self.started {
            let change = point / self.point - 1.0;
            self.sum += change;
            self.squares += change * change;
        }
        self.started = true;
        self.point = point;
    }

    /// Sums the returns within a holding, four bars at a time.
    fn add_returns(&mut self, from: usize, to: usize, quantity: f64, cash: f64) {
        let (mut sums, mut squares) = ([0.0; 4], [0.0; 4]);
        let (before, after) = (&self.close[from..to - 1], &self.close[from + 1..to]);
        let change = |before: f64, after: f64| (quantity * (after - before)) / (cash + quantity * before);
        let (a, b) = (before.chunks_exact(4), after.chunks_exact(4));
        for (&before, &after) in a.remainder().iter().zip(b.remainder()) {
            let r = change(before, after);
            sums[0] += r;
            squares[0] += r * r;
        }
        for (before, after) in a.zip(b) {
            for lane in 0..4 {
                let r = change(before[lane], after[lane]);
                sums[lane] += r;
                squares[lane] += r * r;
            }
        }
        self.sum += (sums[0] + sums[1]) + (sums[2] + sums[3]);
        self.squares += (squares[0] + squares[1]) + (squares[2] + squares[3]);
    }

    #[inline]
    fn reach(&mut self, point: f64) {
        if point > self.peak {
            self.peak = point;
            self.floor = point * (1.0 + self.deepest);
        } else if point < self.floor {
            self.floor = point;
            self.deepest = point / self.peak - 1.0;
        }
    }

    /// Follows peak and drawdown through bars `from..to`; equity rises with the close, so a
    /// block that makes no new peak is settled by its lowest close.
    fn reach_all(&mut self, from: usize, to: usize, quantity: f64, cash: f64) {
        let mut bar = from;
        while bar < to {
            let block = bar / BLOCK;
            let end = to.min((block + 1) * BLOCK);
            if end - bar == BLOCK {
                let [low, high] = self.shared.extremes[block];
                if cash + quantity * high <= self.peak {
                    self.reach(cash + quantity * low);
                    bar = end;
                    continue;
                }
            }
            for &close in &self.close[bar..end] {
                self.reach(cash + quantity * close);
            }
            bar = end;
        }
    }

    /// Returns the figures of the curve, flat from the last point on, over `bars` points.
    pub(crate) fn figures(mut self, bars: usize) -> Figures {
        if bars > 0 {
            self.reach(self.point);
        }
        let sharpe = (bars > 2).then(|| {
            let count = (bars - 1) as f64;
            let mean = self.sum / count;
            let variance = (self.squares - self.sum * mean) / (count - 1.0);
            mean / variance.sqrt() * PERIODS_PER_YEAR.sqrt()
        });
        Figures { last: self.point, max_drawdown: self.deepest, sharpe }
    }
}
