//! What a real series teaches the continuation: the shape of each of its sessions.
//!
//! Only sums, products and quotients: those give the same bits on every machine, which
//! logarithms and exponentials do not.

use crate::bars::Series;

/// Sessions over which the usual volume is taken.
const VOLUME_WINDOW: usize = 63;
/// Sessions at the end of the series whose mean volume the continuation keeps to.
const VOLUME_BASE: usize = 252;

/// One session, relative to the close before it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    /// Close over the close before.
    pub(super) gain: f64,
    /// Open over the close before.
    pub(super) gap: f64,
    /// High over the greater of open and close; at least 1.
    pub(super) upper: f64,
    /// Low over the smaller of open and close; at most 1.
    pub(super) lower: f64,
    /// Volume over the mean of the sessions before it.
    pub(super) busyness: f64,
}

/// The shapes of a series in order, with their mean gain and recent volume.
#[derive(Debug)]
pub(super) struct History {
    pub(super) shapes: Vec<Shape>,
    pub(super) mean_gain: f64,
    pub(super) volume: f64,
}

impl History {
    /// Reads `series`, which has at least two bars.
    pub(super) fn of(series: &Series) -> Self {
        let shapes: Vec<Shape> = (1..series.len())
            .map(|i| {
                let (open, close, before) = (series.open[i], series.close[i], series.close[i - 1]);
                let usual = mean(&series.volume[i.saturating_sub(VOLUME_WINDOW)..i]);
                Shape {
                    gain: close / before,
                    gap: open / before,
                    upper: series.high[i] / open.max(close),
                    lower: series.low[i] / open.min(close),
                    busyness: if usual > 0.0 { series.volume[i] / usual } else { 1.0 },
                }
            })
            .collect();
        let gains: Vec<f64> = shapes.iter().map(|shape| shape.gain).collect();
        Self {
            mean_gain: mean(&gains),
            volume: mean(&series.volume[series.len().saturating_sub(VOLUME_BASE)..]),
            shapes,
        }
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}
