//! The simulation on a thread of its own: in chunks, so that it can say how far it is and
//! stop when asked.

use std::{thread, time::Duration};

use domain::{
    backtest::{Config, Report, Simulation},
    bars::Series,
};
use tokio::{
    sync::watch,
    task::{JoinHandle, spawn_blocking},
};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{db::backtests::error_code, queue::JobError};

/// Sessions between two looks at the interruption: some tens of microseconds of work.
const CHUNK: usize = 4096;

/// A simulation under way.
pub(super) struct Running {
    /// The report, or why there is none.
    pub(super) ended: JoinHandle<Result<Report, JobError>>,
    /// How far it is, in percent, 100 only once recorded.
    pub(super) percent: watch::Receiver<u8>,
    /// Stops the thread when nobody waits for its report any more.
    _stop: DropGuard,
}

/// Starts the simulation; `pace` is in sessions a second, 0 for as fast as it goes.
pub(super) fn start(
    config: Config,
    series: Vec<Series>,
    pace: u64,
    interrupted: &CancellationToken,
) -> Running {
    let (told, percent) = watch::channel(0);
    let interrupted = interrupted.child_token();
    let stop = interrupted.clone().drop_guard();
    let ended = spawn_blocking(move || {
        let mut simulation = Simulation::new(&config, &series)
            .map_err(|error| JobError::fatal(error_code::ENGINE_REJECTED, error))?;
        let (chunk, pause) = pacing(pace);
        while simulation.done() < simulation.bars() {
            if interrupted.is_cancelled() {
                return Err(JobError::Interrupted);
            }
            simulation.step_until((simulation.done() + chunk).min(simulation.bars()));
            told.send_replace(percent_of(simulation.progress()));
            thread::sleep(pause);
        }
        Ok(simulation.finish())
    });
    Running { ended, percent, _stop: stop }
}

fn pacing(pace: u64) -> (usize, Duration) {
    if pace == 0 {
        return (CHUNK, Duration::ZERO);
    }
    // Some twenty steps a second: an interruption is noticed within one.
    let chunk = usize::try_from(pace / 20).unwrap_or(CHUNK).clamp(1, CHUNK);
    (chunk, Duration::from_secs_f64(chunk as f64 / pace as f64))
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // within 0 to 99 by then
fn percent_of(progress: f64) -> u8 {
    (progress * 100.0).clamp(0.0, 99.0) as u8
}
