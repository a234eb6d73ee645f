//! Each kind of difference, then: correcting once is enough.

use proptest::prelude::*;

use super::*;
use crate::order::OrderStatus as S;

const NOW: i64 = 1_000;

fn second(second: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
}

fn patience() -> Patience {
    Patience { now: second(NOW), grace: TimeDelta::seconds(60) }
}

fn at(status: S, filled: i64, when: i64) -> Progress {
    Progress { status, filled_qty: Decimal::from(filled), updated_at: second(when) }
}

fn ours(id: &str, progress: Progress) -> OurOrder {
    OurOrder {
        client_order_id: format!("cap-{id}"),
        broker_order_id: progress.status.is_brokers().then(|| format!("b-{id}")),
        symbol: "AAPL".to_owned(),
        side: Side::Buy,
        amount: Amount::Units(Decimal::TEN),
        progress,
        sent_at: Some(progress.updated_at).filter(|_| progress.status != S::Pending),
    }
}

fn theirs(id: &str, progress: Progress) -> TheirOrder {
    TheirOrder {
        broker_order_id: format!("b-{id}"),
        client_order_id: format!("cap-{id}"),
        symbol: "AAPL".to_owned(),
        side: Side::Buy,
        amount: Amount::Units(Decimal::TEN),
        progress,
    }
}

fn held(symbol: &str, quantity: i64) -> HeldPosition {
    HeldPosition {
        symbol: symbol.to_owned(),
        quantity: Decimal::from(quantity),
        average_entry: Decimal::ONE_HUNDRED,
    }
}

fn diff_orders(ours: &[OurOrder], theirs: &[TheirOrder]) -> Vec<Correction> {
    diff(ours, theirs, &[], &[], patience())
}

#[test]
fn an_order_that_both_have_is_brought_up_to_date() {
    let id = || "cap-1".to_owned();
    let advance = |to| vec![Correction::Advance { client_order_id: id(), to }];
    let overrule = |to| vec![Correction::Overrule { client_order_id: id(), to }];
    let halt = |mismatch| vec![Correction::Halt { client_order_id: id(), mismatch }];
    let cases = [
        (at(S::New, 0, 1), at(S::New, 0, 1), vec![], "the same"),
        (
            at(S::New, 0, 1),
            at(S::PartiallyFilled, 3, 2),
            advance(at(S::PartiallyFilled, 3, 2)),
            "a fill missed",
        ),
        (at(S::New, 0, 1), at(S::Canceled, 0, 2), advance(at(S::Canceled, 0, 2)), "canceled there"),
        (at(S::Filled, 10, NOW - 5), at(S::PartiallyFilled, 3, 2), vec![], "their list is older"),
        (
            at(S::Filled, 10, 5),
            at(S::PartiallyFilled, 3, 2),
            halt(Mismatch::Progress),
            "fills are gone, long after",
        ),
        (at(S::Filled, 10, 5), at(S::Canceled, 3, 6), halt(Mismatch::Progress), "fills are gone"),
        (at(S::Filled, 10, 5), at(S::Filled, 10, 9), vec![], "ended alike"),
        (at(S::Canceled, 0, 5), at(S::Filled, 10, 6), overrule(at(S::Filled, 10, 6)), "filled after all"),
        (at(S::Canceled, 0, 5), at(S::New, 0, 4), overrule(at(S::New, 0, 4)), "works there, long after"),
        (at(S::Canceled, 0, NOW - 5), at(S::New, 0, 4), vec![], "works there, but our news is fresh"),
        (at(S::PartiallyFilled, 5, 5), at(S::Canceled, 3, 6), halt(Mismatch::Progress), "fills went back"),
        (at(S::New, 0, 5), at(S::Filled, 11, 6), halt(Mismatch::Quantity), "more than asked for"),
        (at(S::Halted, 0, 5), at(S::Filled, 10, 6), vec![], "an operator decides"),
    ];
    for (our, their, expected, why) in cases {
        let mut order = ours("1", our);
        order.broker_order_id = Some("b-1".to_owned());
        assert_eq!(diff_orders(&[order], &[theirs("1", their)]), expected, "{why}");
    }
}

#[test]
fn an_unknown_outcome_is_resolved_by_the_brokers_list() {
    let submitting = ours("1", at(S::Submitting, 0, 10));
    let found = diff_orders(std::slice::from_ref(&submitting), &[theirs("1", at(S::New, 0, 5))]);
    assert_eq!(
        found,
        [
            Correction::Identify { client_order_id: "cap-1".to_owned(), broker_order_id: "b-1".to_owned() },
            Correction::Advance { client_order_id: "cap-1".to_owned(), to: at(S::New, 0, 5) },
        ]
    );
    let absent = diff_orders(&[submitting], &[]);
    assert_eq!(absent, [Correction::Resend { client_order_id: "cap-1".to_owned() }]);
}

#[test]
fn an_order_the_broker_lacks_is_judged_by_its_state_and_age() {
    let vanished =
        || Some(Correction::Halt { client_order_id: "cap-1".to_owned(), mismatch: Mismatch::Vanished });
    let resend = || Some(Correction::Resend { client_order_id: "cap-1".to_owned() });
    let cases = [
        (at(S::Pending, 0, 1), None),
        (at(S::Submitting, 0, NOW - 61), resend()),
        (at(S::Submitting, 0, NOW - 60), None),
        (at(S::New, 0, NOW - 61), vanished()),
        (at(S::New, 0, NOW - 60), None),
        (at(S::Canceled, 0, 1), None),
        (at(S::Halted, 0, 1), None),
    ];
    for (progress, expected) in cases {
        assert_eq!(diff_orders(&[ours("1", progress)], &[]), Vec::from_iter(expected), "{progress:?}");
    }
}

#[test]
fn another_order_under_our_id_is_halted() {
    let our = ours("1", at(S::New, 0, 1));
    let their = theirs("1", at(S::New, 0, 1));
    let cases = [
        (TheirOrder { symbol: "MSFT".to_owned(), ..their.clone() }, Mismatch::Symbol),
        (TheirOrder { side: Side::Sell, ..their.clone() }, Mismatch::Side),
        (TheirOrder { amount: Amount::Units(Decimal::ONE), ..their.clone() }, Mismatch::Quantity),
        (TheirOrder { amount: Amount::Notional(Decimal::TEN), ..their }, Mismatch::Quantity),
    ];
    for (their, mismatch) in cases {
        let expected = [Correction::Halt { client_order_id: "cap-1".to_owned(), mismatch }];
        assert_eq!(diff_orders(std::slice::from_ref(&our), &[their]), expected);
    }
}

#[test]
fn a_foreign_order_is_imported() {
    let foreign = TheirOrder { client_order_id: "by-hand".to_owned(), ..theirs("9", at(S::New, 0, 1)) };
    assert_eq!(diff_orders(&[], std::slice::from_ref(&foreign)), [Correction::Import { order: foreign }]);
}

#[test]
fn positions_are_set_to_the_brokers_in_the_order_of_symbols() {
    let corrections = diff(
        &[],
        &[],
        &[held("D", 5), held("A", 5), held("B", 3), held("E", 0)],
        &[held("C", -2), held("B", 4), held("A", 5), held("E", 0)],
        patience(),
    );
    assert_eq!(
        corrections,
        [
            Correction::SetPosition { to: held("B", 4), from: Decimal::from(3) },
            Correction::SetPosition { to: held("C", -2), from: Decimal::ZERO },
            Correction::RemovePosition { symbol: "D".to_owned(), from: Decimal::from(5) },
            Correction::RemovePosition { symbol: "E".to_owned(), from: Decimal::ZERO },
        ]
    );
}

fn progress() -> impl Strategy<Value = Progress> {
    (prop::sample::select(S::ALL), 0_i64..12, 0_i64..NOW)
        .prop_map(|(status, filled, when)| at(status, filled, when))
}

fn our_books() -> impl Strategy<Value = Vec<OurOrder>> {
    let order = (progress(), any::<bool>(), any::<bool>());
    prop::collection::vec(order, 0..8).prop_map(|orders| {
        let numbered = orders.into_iter().enumerate();
        numbered
            .map(|(number, (progress, identified, sent))| OurOrder {
                broker_order_id: identified.then(|| format!("b-{number}")),
                sent_at: sent.then_some(progress.updated_at),
                ..ours(&number.to_string(), progress)
            })
            .collect()
    })
}

fn their_books() -> impl Strategy<Value = Vec<TheirOrder>> {
    let brokers = progress().prop_filter("a broker's word", |progress| progress.status.is_brokers());
    prop::collection::btree_map(0_usize..12, (brokers, 0_u8..8), 0..10).prop_map(|orders| {
        let listed = orders.into_iter();
        listed
            .map(|(number, (progress, odd))| {
                let mut order = theirs(&number.to_string(), progress);
                match odd {
                    0 => order.symbol = "MSFT".to_owned(),
                    1 => order.side = Side::Sell,
                    2 => order.amount = Amount::Units(Decimal::ONE),
                    3 => order.client_order_id = format!("by-hand-{number}"),
                    _ => {}
                }
                order
            })
            .collect()
    })
}

fn positions() -> impl Strategy<Value = Vec<HeldPosition>> {
    prop::collection::btree_map(prop::sample::select(&["A", "B", "C", "D"][..]), -3_i64..4, 0..4)
        .prop_map(|held_by| held_by.into_iter().map(|(symbol, quantity)| held(symbol, quantity)).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_024))]

    #[test]
    fn applying_the_corrections_leaves_none(
        mut orders in our_books(), theirs in their_books(), mut held in positions(), their_held in positions(),
    ) {
        let corrections = diff(&orders, &theirs, &held, &their_held, patience());
        apply(&mut orders, &mut held, &corrections, patience().now);
        prop_assert_eq!(diff(&orders, &theirs, &held, &their_held, patience()), vec![]);
    }

    #[test]
    fn the_order_of_the_lists_does_not_matter(
        (one, two) in (our_books(), their_books()).prop_flat_map(|(ours, theirs)| {
            let shuffled = (Just(ours.clone()).prop_shuffle(), Just(theirs.clone()).prop_shuffle());
            (Just((ours, theirs)), shuffled)
        }),
    ) {
        prop_assert_eq!(diff_orders(&one.0, &one.1), diff_orders(&two.0, &two.1));
    }
}
