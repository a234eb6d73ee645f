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
    INVALID_SYMBOL = 400, "the text is no symbol of a share or a pair";
    TOO_MANY_SYMBOLS = 400, "more symbols are named than one request may be about";
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
    INVALID_PAYLOAD = 400, "the payload is none of its kind; details name the path of the field at fault";
    UNKNOWN_STEP = 400, "the job has done no such step; details list those it has";
    BODY_NOT_AN_OBJECT = 400, "the body of an order is no JSON object";
    ORDER_FIELD_CONFLICT = 400, "two spellings of one field of the order disagree; details name it";
    ORDER_SYMBOL_REQUIRED = 400, "the order names no symbol";
    ORDER_SYMBOL_INVALID = 400, "the order's symbol is not one of a US equity";
    ORDER_SIDE_REQUIRED = 400, "the order says neither buy nor sell";
    ORDER_SIDE_INVALID = 400, "the order's side is neither buy nor sell";
    ORDER_TYPE_INVALID = 400, "the order's type is unknown";
    ORDER_TIME_IN_FORCE_INVALID = 400, "the order's time in force is unknown";
    ORDER_TIME_IN_FORCE_UNSUPPORTED = 400, "type, class or size do not go with the time in force";
    ORDER_CLASS_INVALID = 400, "the order's class is unknown";
    ORDER_CLASS_UNSUPPORTED = 400, "type or size do not go with the order's class";
    ORDER_AMOUNT_REQUIRED = 400, "the order has neither a quantity nor an amount of money";
    ORDER_AMOUNT_AMBIGUOUS = 400, "the order has both a quantity and an amount of money";
    ORDER_QTY_INVALID = 400, "the order's quantity is no number in range";
    ORDER_NOTIONAL_INVALID = 400, "the order's amount of money is no number in range";
    ORDER_FRACTION_UNSUPPORTED = 400, "fractions and money do not go with type, class, time in force or session";
    ORDER_LIMIT_PRICE_REQUIRED = 400, "the order's type needs a limit price";
    ORDER_LIMIT_PRICE_UNEXPECTED = 400, "the order's type takes no limit price";
    ORDER_LIMIT_PRICE_INVALID = 400, "the limit price is no number in range";
    ORDER_STOP_PRICE_REQUIRED = 400, "the order's type needs a stop price";
    ORDER_STOP_PRICE_UNEXPECTED = 400, "the order's type takes no stop price";
    ORDER_STOP_PRICE_INVALID = 400, "the stop price is no number in range";
    ORDER_PRICE_TICK = 400, "a price is finer than the exchange quotes";
    ORDER_TRAIL_REQUIRED = 400, "a trailing stop needs a distance";
    ORDER_TRAIL_AMBIGUOUS = 400, "a trailing stop has two distances";
    ORDER_TRAIL_UNEXPECTED = 400, "the order's type takes no distance";
    ORDER_TRAIL_INVALID = 400, "the distance is no number in range";
    ORDER_EXTENDED_HOURS_INVALID = 400, "extended hours is neither true nor false";
    ORDER_EXTENDED_HOURS_UNSUPPORTED = 400, "type or time in force do not go with extended hours";
    ORDER_LEGS_REQUIRED = 400, "the order's class needs a leg that is missing";
    ORDER_LEGS_UNEXPECTED = 400, "the order's class does not take a leg that was sent";
    ORDER_LEGS_CROSSED = 400, "take profit, entry and stop loss are not in the order that the side needs";
    ORDER_TAKE_PROFIT_INVALID = 400, "the take-profit leg is malformed";
    ORDER_STOP_LOSS_INVALID = 400, "the stop-loss leg is malformed";
    INVALID_IDEMPOTENCY_KEY = 400, "the Idempotency-Key header is not 1 to 255 printable ASCII characters";
    NO_SESSION = 401, "the request carries no session cookie";
    SESSION_EXPIRED = 401, "the session has ended: signed out, too old or idle too long";
    BAD_CREDENTIALS = 401, "the user name or the password is wrong; which one is not said";
    BAD_API_KEY = 401, "the API key is unknown, expired or revoked";
    FORBIDDEN = 403, "the caller lacks a capability; `userCapabilities` lists those they have";
    CSRF_REFUSED = 403, "a write that another site could have caused";
    NOT_FOUND = 404, "no such route, or no such row that the caller owns";
    METHOD_NOT_ALLOWED = 405, "the route exists, but not for this method";
    CONFLICT = 409, "the row's state does not allow this change now";
    ALREADY_FINISHED = 409, "the back-test or the order is finished; details hold its status";
    VERSION_CONFLICT = 409, "the row has changed since it was read (412 when If-Match was sent); details hold the current version";
    ALREADY_RETRIED = 409, "the finished job has been retried before; details name the new job";
    UNIQUE_BLOCKED = 409, "an unfinished job has the same unique key; details name it";
    STALE_PREVIEW = 409, "the preview token is used, expired, another person's or for another action or filter";
    REQUEST_IN_FLIGHT = 409, "a request with the same Idempotency-Key is still at work: send it again later";
    SYMBOL_LISTED = 409, "the symbol is on the watchlist already";
    KILL_SWITCH_ACTIVE = 409, "the user's kill switch is on: nothing starts before it is released";
    TRADING_HALTED = 409, "trading of the user, or of everybody, is halted or only reduces; details say whose";
    AGENT_NOT_RUNNING = 409, "the agent does not run: only one that does can rest or be made to run";
    ORDER_NOT_HALTED = 409, "only an order that was halted can be disowned or adopted";
    NAME_TAKEN = 409, "another row of the kind has this name";
    BODY_TOO_LARGE = 413, "the body is larger than the limit";
    UNSUPPORTED_MEDIA_TYPE = 415, "the body is declared as something other than JSON";
    BACKTEST_REQUIRED = 422, "going live needs a finished back-test of the strategy";
    RISK_REFUSED = 422, "a limit or switch refuses the order; details hold the rule and its figures";
    ORDER_SYMBOL_UNKNOWN = 422, "the broker knows no such symbol, or takes no orders for it";
    ORDER_REJECTED = 422, "the broker, or a limit at the moment of sending, refused the order; details name both";
    ORDER_NOT_REPLACEABLE = 422, "the order can't be changed where it stands; details hold its status";
    ORDER_NOT_ADOPTABLE = 422, "what the broker has under the halted order's id can't be this order: disown it";
    IDEMPOTENCY_MISMATCH = 422, "the Idempotency-Key was used for another request: method, path or body differ";
    TOO_MANY_WATCHLISTS = 422, "the user has as many watchlists as one may have";
    WATCHLIST_FULL = 422, "the watchlist has as many symbols as one may have";
    UNPROCESSABLE = 422, "a well-formed request that a business rule refuses";
    TOO_MANY_ATTEMPTS = 429, "too many failed sign-ins; Retry-After says how many seconds to wait";
    TOO_MANY_RUNS = 429, "the user has as many unfinished back-tests as one may have; Retry-After says when to try again";
    TOO_MANY_REQUESTS = 429, "the address, or the user, has asked too often; Retry-After says when to try again";
    TOO_MANY_STREAMS = 429, "the user has as many event streams open as one may have";
    INTERNAL = 500, "our fault; the log has the cause under the request's id";
    BROKER_NOT_CONFIGURED = 503, "no broker is configured: nothing can be traded";
    BROKER_UNAVAILABLE = 503, "what the broker has to say about it is not known yet; Retry-After says when to ask again";
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
