//! What stops a cycle, and what it may still do.

use serde::{Deserialize, Serialize};

use super::Mode;
use crate::{order::words::words, risk::TradingState};

/// Everything that holds an agent back, read together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Controls {
    /// Whether it was started.
    pub running: bool,
    /// Whether it rests.
    pub paused: bool,
    /// Whether its user stopped everything.
    pub kill_switch: bool,
    /// What it does by itself.
    pub mode: Mode,
    /// Whether the user trades.
    pub trading: TradingState,
    /// Whether anybody trades.
    pub platform: TradingState,
}

/// What stops a cycle before its next step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// Its user stopped everything.
    KillSwitch,
    /// It was stopped.
    NotRunning,
    /// It rests.
    Paused,
    /// Nobody trades, or its user does not.
    TradingHalted,
}

words!(Stop, "stop", {
    KillSwitch => "kill_switch",
    NotRunning => "not_running",
    Paused => "paused",
    TradingHalted => "trading_halted",
});

impl Controls {
    /// Returns what stops the cycle, the strictest first.
    pub fn stop(&self) -> Option<Stop> {
        let halted = [self.trading, self.platform].contains(&TradingState::Halted);
        let stops = [
            (self.kill_switch, Stop::KillSwitch),
            (!self.running, Stop::NotRunning),
            (self.paused, Stop::Paused),
            (halted, Stop::TradingHalted),
        ];
        stops.into_iter().find(|(on, _)| *on).map(|(_, stop)| stop)
    }

    /// Returns whether positions may be entered: not while they are only reduced.
    pub fn may_enter(&self) -> bool {
        self.stop().is_none() && ![self.trading, self.platform].contains(&TradingState::Reducing)
    }

    /// Returns whether the agent sends what it decides without being asked.
    pub fn acts(&self) -> bool {
        self.stop().is_none() && self.mode == Mode::Autonomous
    }

    /// Returns whether the agent leaves positions without being asked.
    pub fn exits(&self) -> bool {
        self.stop().is_none() && self.mode != Mode::Manual
    }
}
