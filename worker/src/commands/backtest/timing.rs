//! How long a computation takes, repeated.

use std::time::Instant;

use serde::Serialize;

/// The time of one computation over many repeats.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Timing {
    /// Repeats, after one that is not counted.
    pub times: usize,
    /// Shortest, seconds.
    pub best_seconds: f64,
    /// Middle one, seconds.
    pub median_seconds: f64,
    /// Bars worked on in one computation, over the middle time.
    pub bars_per_second: f64,
}

/// Repeats `compute`, which works on `bars` bars, `times` times (at least once).
pub(super) fn repeat<T>(
    times: usize,
    bars: usize,
    mut compute: impl FnMut() -> anyhow::Result<T>,
) -> anyhow::Result<Timing> {
    std::hint::black_box(compute()?);
    let mut seconds = Vec::with_capacity(times.max(1));
    for _ in 0..times.max(1) {
        let start = Instant::now();
        std::hint::black_box(compute()?);
        seconds.push(start.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    let median = seconds[seconds.len() / 2];
    Ok(Timing {
        times: seconds.len(),
        best_seconds: seconds[0],
        median_seconds: median,
        bars_per_second: bars as f64 / median,
    })
}

impl std::fmt::Display for Timing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} times: median {:.3} ms, best {:.3} ms, {:.1} million bars a second",
            self.times,
            self.median_seconds * 1e3,
            self.best_seconds * 1e3,
            self.bars_per_second / 1e6
        )
    }
}
