//! The one table of machine codes. A new code is one line here; nothing else can make one.

use axum::http::StatusCode;

/// A machine code of the error body, with the status it goes out under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorCode {
    name: &'static str,
    status: u16,
    meaning: &'static str,
}

impl ErrorCode {
    /// Returns the code as it stands in the body, such as `NO_SESSION`.
    pub fn name(self) -> &'static str {
        self.name
    }

    /// Returns the status the code goes out under unless a handler says otherwise.
    pub fn status(self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Returns one sentence that says when the code is sent.
    pub fn meaning(self) -> &'static str {
        self.meaning
    }
}

macro_rules! error_codes {
    ($($name:ident = $status:literal, $meaning:literal;)*) => {
        $(
            #[doc = $meaning]
            pub const $name: ErrorCode = ErrorCode { name: stringify!($name), status: $status, meaning: $meaning };
        )*
        /// Every code the API can answer with, in order of status.
        pub const ERROR_CODES: &[ErrorCode] = &[$($name),*];
    };
}

error_codes! {
    INVALID_JSON = 400, "the body is not JSON; the message says where";
    INVALID_FIELD = 400, "a field of the body is missing, of the wrong type or out of range";
    INVALID_QUERY = 400, "a query parameter is of the wrong type or out of range";
    INVALID_CURSOR = 400, "the cursor was not made by this API or belongs to another list";
    INVALID_USERNAME = 400, "the user name is too short or too long after tags are stripped, reserved, or holds characters that can't be seen";
    INVALID_EMAIL = 400, "the mail address has no valid form";
    WEAK_PASSWORD = 400, "the password does not meet the policy; details list what is missing";
    WRONG_PASSWORD = 400, "the current password given with a change is wrong";
    USERNAME_TAKEN = 400, "another account has this user name";
    EMAIL_TAKEN = 400, "another account has this mail address";
    UNKNOWN_STRATEGY_TYPE = 400, "the strategy type is not on the closed list; details hold the list";
    INVALID_TRANSITION = 400, "the strategy's status does not allow this step; details hold the status";
    INVALID_BACKTEST = 400, "the back-test request can't be run as it stands; details name the fields";
    UNKNOWN_SYMBOL = 400, "a symbol of the back-test has no bars; details list the known ones";
    NO_DATA = 400, "the back-test's range holds no bar; details say what is available";
    TOO_MANY_BARS = 400, "the back-test's range holds more bars than one run may read";
    INVALID_GRID = 400, "the sweep's grid or rank is malformed, or names no numeric parameter of the strategy";
    GRID_TOO_LARGE = 400, "the sweep's grid has more combinations than one sweep may try";
    INVALID_WINDOWS = 400, "the walk-forward's windows are malformed or do not fit the range";
    INVALID_FILTER = 400, "a filter of jobs is unknown or has no valid value; details name it";
    INVALID_CRON = 400, "the schedule's cron line is none, or never comes";
    INVALID_TIME_ZONE = 400, "the schedule's time zone is not in the IANA database";
    UNKNOWN_KIND = 400, "no such kind of job; details list the known ones";
    NO_SESSION = 401, "the request carries no session cookie";
    SESSION_EXPIRED = 401, "the session has ended: signed out, too old or idle too long";
    BAD_CREDENTIALS = 401, "the user name or the password is wrong; which one is not said";
    BAD_API_KEY = 401, "the API key is unknown, expired or revoked";
    FORBIDDEN = 403, "the caller lacks a capability; `userCapabilities` lists those they have";
    CSRF_REFUSED = 403, "a write that another site could have caused";
    NOT_FOUND = 404, "no such route, or no such row that the caller owns";
    METHOD_NOT_ALLOWED = 405, "the route exists, but not for this method";
    CONFLICT = 409, "the row's state does not allow this change now";
    ALREADY_FINISHED = 409, "the back-test is finished; details hold its status";
    VERSION_CONFLICT = 409, "the row has changed since it was read (412 when If-Match was sent); details hold the current version";
    ALREADY_RETRIED = 409, "the finished job has been retried before; details name the new job";
    UNIQUE_BLOCKED = 409, "an unfinished job has the same unique key; details name it";
    STALE_PREVIEW = 409, "the preview token is used, expired, another person's or for another action or filter";
    NAME_TAKEN = 409, "another row of the kind has this name";
    BODY_TOO_LARGE = 413, "the body is larger than the limit";
    UNSUPPORTED_MEDIA_TYPE = 415, "the body is declared as something other than JSON";
    BACKTEST_REQUIRED = 422, "going live needs a finished back-test of the strategy";
    UNPROCESSABLE = 422, "a well-formed request that a business rule refuses";
    TOO_MANY_ATTEMPTS = 429, "too many failed sign-ins; Retry-After says how many seconds to wait";
    TOO_MANY_RUNS = 429, "the user has as many unfinished back-tests as one may have; Retry-After says when to try again";
    TOO_MANY_STREAMS = 429, "the user has as many event streams open as one may have";
    INTERNAL = 500, "our fault; the log has the cause under the request's id";
    DATABASE_UNAVAILABLE = 503, "the database can't be reached; Retry-After says when to try again";
    OVERLOADED = 503, "too many requests are in flight in this process; try again";
    TIMED_OUT = 503, "the request took longer than the limit; its transaction was rolled back";
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn codes_are_distinct_and_sorted_by_status() {
        let names: HashSet<_> = ERROR_CODES.iter().map(|code| code.name).collect();
        assert_eq!(names.len(), ERROR_CODES.len());
        assert!(ERROR_CODES.is_sorted_by_key(|code| code.status));
        assert!(ERROR_CODES.iter().all(|code| (400..600).contains(&code.status)));
    }
}
