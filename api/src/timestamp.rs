//! Times as clients read them.

use chrono::{DateTime, SecondsFormat, Utc};

/// Returns `time` in ISO 8601, UTC, with milliseconds and `Z`.
pub fn text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Returns the present time as [`text`].
pub fn now() -> String {
    text(Utc::now())
}
