//! Until when an order may still be sent.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::{
    market_hours::{day_order_end, next_open},
    order::{OrderRequest, TimeInForce},
};

/// Returns how long from `now` an order may wait before it is sent; `None`: as long as it takes.
///
/// An order for the day expires with its session rather than being sent in the next one; one that
/// is placed outside the hours belongs to the session to come.
pub(super) fn not_after(request: &OrderRequest, now: DateTime<Utc>) -> Option<Duration> {
    let end = match request.time_in_force {
        TimeInForce::Gtc => return None,
        TimeInForce::Opg => next_open(now),
        TimeInForce::Day | TimeInForce::Cls | TimeInForce::Ioc | TimeInForce::Fok => {
            day_order_end(now, request.extended_hours)
        }
    };
    Some((end - now).to_std().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use domain::order::{Amount, Side};
    use rust_decimal::Decimal;

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        DateTime::parse_from_rfc3339(text).expect("an instant of this test is valid").to_utc()
    }

    #[test]
    fn an_order_waits_no_longer_than_its_session() {
        let day = OrderRequest::market("ACME", Side::Buy, Amount::Units(Decimal::ONE));
        let with = |time_in_force| OrderRequest { time_in_force, ..day.clone() };
        let extended = OrderRequest { extended_hours: true, ..day.clone() };
        // A Thursday in winter: the session is from 14:30 to 21:00 UTC.
        let cases = [
            (day.clone(), "2024-01-18T20:00:00Z", Some(1)),
            (day.clone(), "2024-01-18T21:00:00Z", Some(24)),
            (extended, "2024-01-18T21:00:00Z", Some(4)),
            (with(TimeInForce::Ioc), "2024-01-18T20:00:00Z", Some(1)),
            (with(TimeInForce::Opg), "2024-01-18T13:30:00Z", Some(1)),
            (with(TimeInForce::Gtc), "2024-01-18T20:00:00Z", None),
        ];
        for (request, now, hours) in cases {
            let expected = hours.map(|hours| Duration::from_secs(hours * 3600));
            assert_eq!(not_after(&request, at(now)), expected, "{request:?} at {now}");
        }
    }
}
