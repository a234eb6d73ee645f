//! Where the windows lie.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::backtest_request::RequestError;

/// The most windows of one walk-forward.
pub const MAX_WINDOWS: usize = 250;
/// The most sessions of a part of a window; also keeps sums far from overflow.
const LONGEST: usize = 100_000;

/// How sessions are cut into windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Sessions to choose on; of the first window only when `anchored`.
    pub train: usize,
    /// Sessions to test on.
    pub test: usize,
    /// Sessions from one test to the next, at least `test`: more leaves gaps in cash.
    pub step: usize,
    /// Whether every training part begins at the first session, and so grows.
    pub anchored: bool,
}

/// One window: indices of sessions, each end excluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// First session to choose on.
    pub train_start: usize,
    /// First session to test on.
    pub test_start: usize,
    /// First session after the test.
    pub test_end: usize,
}

impl Plan {
    /// Decodes `{train, test, step?, anchored?}`; `step` is `test` unless given. Code
    /// `INVALID_WINDOWS`.
    pub fn decode(given: Option<&Value>) -> Result<Self, RequestError> {
        let Some(Value::Object(fields)) = given.filter(|value| !value.is_null()) else {
            let message = "windows must be an object such as {\"train\": 504, \"test\": 126}";
            return Err(RequestError::new("INVALID_WINDOWS", "windows", message));
        };
        let sessions = |name: &str, least: usize, default: Option<usize>| {
            let value = fields.get(name).filter(|value| !value.is_null());
            let number = match value {
                None => return default.ok_or_else(|| refuse(name, "is required")),
                Some(Value::String(text)) => text.trim().parse::<u64>().ok(),
                Some(value) => value.as_u64(),
            };
            let number = number.and_then(|number| usize::try_from(number).ok());
            number.filter(|number| (least..=LONGEST).contains(number)).ok_or_else(|| {
                refuse(name, &format!("must be a whole number of sessions from {least} to {LONGEST}"))
            })
        };
        let train = sessions("train", 2, None)?;
        let test = sessions("test", 2, None)?;
        let step = sessions("step", 1, Some(test))?;
        if step < test {
            let rule = format!("is {step}, must be at least test, {test}: tests must not overlap");
            return Err(refuse("step", &rule));
        }
        let anchored = match fields.get("anchored").filter(|value| !value.is_null()) {
            None => false,
            Some(Value::Bool(anchored)) => *anchored,
            Some(_) => return Err(refuse("anchored", "must be true or false")),
        };
        Ok(Self { train, test, step, anchored })
    }

    /// Returns the windows that fit wholly into `sessions`, oldest first.
    ///
    /// Code `INVALID_WINDOWS` when none fits, or more than [`MAX_WINDOWS`] do.
    pub fn windows(&self, sessions: usize) -> Result<Vec<Stretch>, RequestError> {
        let first = self.train + self.test;
        if sessions < first {
            let message = format!(
                "windows needs {first} sessions (train {} and test {}), the range holds {sessions}",
                self.train, self.test
            );
            return Err(RequestError::new("INVALID_WINDOWS", "windows", message));
        }
        let count = (sessions - first) / self.step + 1;
        if count > MAX_WINDOWS {
            let message =
                format!("windows makes {count} of {sessions} sessions, at most {MAX_WINDOWS} are allowed");
            return Err(RequestError::new("INVALID_WINDOWS", "windows", message));
        }
        let window = |number| {
            let moved = number * self.step;
            let test_start = moved + self.train;
            let train_start = if self.anchored { 0 } else { moved };
            Stretch { train_start, test_start, test_end: test_start + self.test }
        };
        Ok((0..count).map(window).collect())
    }
}

fn refuse(name: &str, rule: &str) -> RequestError {
    let field = format!("windows.{name}");
    let message = format!("{field} {rule}");
    RequestError::new("INVALID_WINDOWS", field, message)
}
