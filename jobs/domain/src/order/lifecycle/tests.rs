//! News in any order, any number of times.

use chrono::TimeDelta;
use proptest::prelude::*;

use super::*;
use OrderStatus as S;

fn at(status: S, filled: i64, second: i64) -> Progress {
    Progress {
        status,
        filled_qty: Decimal::from(filled),
        updated_at: DateTime::UNIX_EPOCH + TimeDelta::seconds(second),
    }
}

#[test]
fn news_is_applied_dropped_or_contradicted() {
    use Advance::{Apply, Illegal, Stale};
    let cases = [
        (at(S::Submitting, 0, 9), at(S::New, 0, 1), Apply, "the broker's clock may be behind ours"),
        (at(S::Pending, 0, 1), at(S::Submitting, 0, 1), Apply, "the first attempt"),
        (at(S::Pending, 0, 1), at(S::New, 0, 2), Illegal, "never sent"),
        (at(S::Pending, 0, 1), at(S::Canceled, 0, 2), Apply, "canceled before it was sent"),
        (at(S::New, 0, 2), at(S::New, 0, 2), Stale, "a duplicate"),
        (at(S::New, 0, 2), at(S::New, 0, 3), Apply, "a later sight of the same"),
        (at(S::New, 0, 2), at(S::Accepted, 0, 1), Stale, "overtaken"),
        (at(S::New, 0, 2), at(S::Submitting, 0, 3), Stale, "our own attempt, late"),
        (at(S::New, 0, 2), at(S::PartiallyFilled, 3, 3), Apply, "a fill"),
        (at(S::PartiallyFilled, 3, 3), at(S::New, 0, 2), Stale, "overtaken by a fill"),
        (at(S::PartiallyFilled, 3, 3), at(S::PartiallyFilled, 2, 2), Stale, "an earlier fill"),
        (at(S::PartiallyFilled, 3, 3), at(S::Canceled, 2, 4), Illegal, "ended with fewer fills"),
        (at(S::PartiallyFilled, 3, 3), at(S::Canceled, 3, 4), Apply, "canceled after a fill"),
        (at(S::PendingCancel, 0, 3), at(S::New, 0, 2), Stale, "new before the cancellation"),
        (at(S::PendingCancel, 0, 3), at(S::New, 0, 4), Apply, "the cancellation was refused"),
        (at(S::PendingCancel, 0, 3), at(S::Filled, 5, 2), Apply, "the fill won"),
        (at(S::Filled, 5, 3), at(S::Filled, 5, 3), Stale, "a duplicate"),
        (at(S::Filled, 5, 3), at(S::Filled, 5, 9), Stale, "a duplicate, later"),
        (at(S::Filled, 5, 3), at(S::PartiallyFilled, 2, 2), Stale, "overtaken"),
        (at(S::Filled, 5, 3), at(S::PendingCancel, 5, 4), Stale, "nothing leaves an ending"),
        (at(S::Filled, 5, 3), at(S::Canceled, 5, 4), Illegal, "a second ending"),
        (at(S::Filled, 5, 3), at(S::Canceled, 2, 2), Illegal, "a second ending"),
        (at(S::Canceled, 2, 3), at(S::PartiallyFilled, 3, 2), Illegal, "more fills after the end"),
        (at(S::Halted, 0, 3), at(S::Filled, 5, 4), Stale, "an operator decides"),
        (at(S::Submitting, 0, 3), at(S::Halted, 0, 4), Apply, "the broker's order is another"),
        (at(S::New, 0, 3), at(S::New, -1, 4), Illegal, "a negative fill"),
    ];
    for (current, seen, expected, why) in cases {
        assert_eq!(advance(&current, &seen), expected, "{why}: {current:?} {seen:?}");
    }
}

/// A life of an order as the broker sees it: legal steps, times and fills that only grow.
fn life() -> impl Strategy<Value = Vec<Progress>> {
    let step = (prop::sample::select(S::ALL), 0_i64..4, 1_i64..100);
    prop::collection::vec(step, 1..12).prop_map(|steps| {
        let mut now = at(S::Submitting, 0, 0);
        let mut life = vec![];
        for (status, filled, seconds) in steps {
            if now.status.is_terminal() || !now.status.may_become(status) || !status.is_brokers() {
                continue;
            }
            now = Progress {
                status,
                filled_qty: now.filled_qty + Decimal::from(filled),
                updated_at: now.updated_at + TimeDelta::seconds(seconds),
            };
            life.push(now);
        }
        life
    })
}

proptest! {
    #[test]
    fn any_order_of_arrival_ends_where_the_life_ended(
        (life, arrival) in life().prop_flat_map(|life| {
            let twice: Vec<Progress> = life.iter().chain(&life).copied().collect();
            (Just(life), Just(twice).prop_shuffle())
        }),
        our_clock in -1_000_i64..1_000,
    ) {
        let start = at(S::Submitting, 0, our_clock);
        let mut current = start;
        for seen in &arrival {
            match advance(&current, seen) {
                Advance::Apply => {
                    prop_assert!(current.status.may_become(seen.status));
                    prop_assert!(seen.filled_qty >= current.filled_qty);
                    current = *seen;
                }
                Advance::Stale => {}
                Advance::Illegal => prop_assert!(false, "{current:?} {seen:?}"),
            }
        }
        prop_assert_eq!(current, life.last().copied().unwrap_or(start));
    }

    #[test]
    fn whatever_is_seen_an_ending_stays_and_fills_never_shrink(
        news in prop::collection::vec((prop::sample::select(S::ALL), -2_i64..9, 0_i64..20), 0..30),
    ) {
        let mut current = at(S::Pending, 0, 0);
        for (status, filled, second) in news {
            let seen = at(status, filled, second);
            if advance(&current, &seen) == Advance::Apply {
                prop_assert!(!current.status.is_terminal() && seen.filled_qty >= current.filled_qty);
                current = seen;
                prop_assert_eq!(advance(&current, &seen), Advance::Stale);
            }
        }
    }
}
