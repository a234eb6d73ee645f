//! How fast the replay clock runs.

use std::{fmt, str::FromStr, time::Duration};

use chrono::TimeDelta;
use thiserror::Error;

/// How fast the replay clock runs, beside the world's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// A second a second.
    Real,
    /// This many seconds a second; 2 or more.
    Times(u32),
    /// Only when it is told to.
    Stepped,
}

/// A text that is no pace.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("clock {0:?} is none of real, xN (such as x60, at most x100000) and stepped")]
pub struct PaceError(String);

const FASTEST: u32 = 100_000;

impl Pace {
    /// Returns how much of the replay passes in `world`.
    pub fn passed(self, world: Duration) -> TimeDelta {
        let factor = match self {
            Self::Real => 1,
            Self::Times(factor) => factor,
            Self::Stepped => return TimeDelta::zero(),
        };
        TimeDelta::from_std(world.saturating_mul(factor)).unwrap_or(TimeDelta::MAX)
    }

    /// Returns how long in the world `replay` takes, or `None` when time has to be told.
    pub fn takes(self, replay: Duration) -> Option<Duration> {
        match self {
            Self::Real => Some(replay),
            Self::Times(factor) => Some(replay / factor),
            Self::Stepped => None,
        }
    }
}

impl FromStr for Pace {
    type Err = PaceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let times = || {
            let factor: u32 = text.strip_prefix('x')?.parse().ok()?;
            match factor {
                1 => Some(Self::Real),
                2..=FASTEST => Some(Self::Times(factor)),
                _ => None,
            }
        };
        match text {
            "real" => Ok(Self::Real),
            "stepped" => Ok(Self::Stepped),
            _ => times().ok_or_else(|| PaceError(text.to_owned())),
        }
    }
}

impl fmt::Display for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Real => f.write_str("real"),
            Self::Times(factor) => write!(f, "x{factor}"),
            Self::Stepped => f.write_str("stepped"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paces_are_read_as_they_are_written() {
        for (text, pace) in [("real", Pace::Real), ("x60", Pace::Times(60)), ("stepped", Pace::Stepped)] {
            assert_eq!(text.parse(), Ok(pace));
            assert_eq!(pace.to_string(), text);
        }
        assert_eq!("x1".parse(), Ok(Pace::Real));
        for text in ["", "x", "x0", "60", "x100001", "x-2", "fast"] {
            assert_eq!(text.parse::<Pace>(), Err(PaceError(text.to_owned())));
        }
    }

    #[test]
    fn a_minute_is_an_hour_at_x60() {
        assert_eq!(Pace::Times(60).passed(Duration::from_mins(1)), TimeDelta::hours(1));
        assert_eq!(Pace::Times(60).takes(Duration::from_mins(1)), Some(Duration::from_secs(1)));
        assert_eq!(Pace::Stepped.passed(Duration::from_mins(1)), TimeDelta::zero());
    }
}
