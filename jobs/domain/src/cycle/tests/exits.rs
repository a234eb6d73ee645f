use super::*;

fn holding(quantity: i64, price: Decimal) -> Holding {
    Holding {
        quantity: Decimal::from(quantity),
        stepped: Decimal::ZERO,
        entry: dec!(100),
        price,
        opened_at: at("2024-03-04T15:00:00Z"),
    }
}

const NOW: &str = "2024-03-05T15:00:00Z";

#[test]
fn a_position_is_left_in_the_documented_order() {
    // Shares, price, highest so far, shares that steps sold, own stop, then portion and reason.
    let part = |shares: i64| Portion::Shares(Decimal::from(shares));
    let cases = [
        (100, dec!(97.01), dec!(100), 0, None, None),
        (100, dec!(97), dec!(100), 0, None, Some((Portion::All, ExitReason::StopLoss))),
        (100, dec!(95), dec!(100), 0, Some(dec!(90)), None),
        (100, dec!(92), dec!(100), 0, Some(dec!(90)), Some((Portion::All, ExitReason::Emergency))),
        (100, dec!(109.99), dec!(100), 0, None, None),
        (100, dec!(110), dec!(100), 0, None, Some((part(25), ExitReason::TakeProfit))),
        (75, dec!(110), dec!(110), 25, None, None),
        (75, dec!(120), dec!(120), 25, None, Some((part(25), ExitReason::TakeProfit))),
        (90, dec!(110), dec!(110), 10, None, Some((part(15), ExitReason::TakeProfit))),
        (90, dec!(120), dec!(120), 10, None, Some((part(40), ExitReason::TakeProfit))),
        (100, dec!(120), dec!(120), 0, None, Some((part(50), ExitReason::TakeProfit))),
        (25, dec!(150), dec!(150), 75, None, Some((Portion::All, ExitReason::TakeProfit))),
        (1, dec!(110), dec!(110), 0, None, None),
        (1, dec!(150), dec!(150), 0, None, Some((Portion::All, ExitReason::TakeProfit))),
        (3, dec!(110), dec!(110), 0, None, None),
        (3, dec!(120), dec!(120), 0, None, Some((part(1), ExitReason::TakeProfit))),
        (2, dec!(135), dec!(135), 1, None, Some((part(1), ExitReason::TakeProfit))),
        (100, dec!(99.74), dec!(104.99), 0, None, None),
        (100, dec!(99.75), dec!(105), 0, None, Some((Portion::All, ExitReason::TrailingStop))),
        (100, dec!(102.6), dec!(108), 0, None, Some((Portion::All, ExitReason::TrailingStop))),
        (100, dec!(102.7), dec!(108), 0, None, None),
        (-10, dec!(102.99), dec!(100), 0, None, None),
        (-10, dec!(103), dec!(100), 0, None, Some((Portion::All, ExitReason::StopLoss))),
        (-10, dec!(50), dec!(100), 0, None, None),
    ];
    for (quantity, price, highest, stepped, stop_loss, expected) in cases {
        let memory = Memory { highest, steps_taken: 0, stop_loss };
        let holding = Holding { stepped: Decimal::from(stepped), ..holding(quantity, price) };
        let (_, exit) = plan(&ExitRules::default(), &holding, &memory, at(NOW));
        let told = exit.map(|exit| (exit.portion, exit.reason));
        assert_eq!(told, expected, "{holding:?}, {memory:?}");
    }
}

#[test]
fn a_step_counts_as_taken_once_its_shares_are_sold() {
    // Shares, shares that steps sold, price, then steps taken.
    let cases = [
        (100, 0, dec!(105), 0),
        (100, 0, dec!(110), 0),
        (90, 10, dec!(110), 0),
        (75, 25, dec!(110), 1),
        (75, 25, dec!(120), 1),
        (75, 25, dec!(105), 1),
        (50, 50, dec!(105), 2),
        (1, 0, dec!(120), 0),
        (-10, 0, dec!(50), 0),
    ];
    for (quantity, stepped, price, expected) in cases {
        let holding = Holding { stepped: Decimal::from(stepped), ..holding(quantity, price) };
        let (after, _) = plan(&ExitRules::default(), &holding, &Memory::fresh(&holding), at(NOW));
        assert_eq!(after.steps_taken, expected, "{holding:?}");
    }
}

#[test]
fn a_secured_gain_is_not_given_back() {
    let rules = ExitRules { trailing_distance: dec!(0.10), ..ExitRules::default() };
    let memory = Memory { highest: dec!(109), steps_taken: 0, stop_loss: None };
    let (_, exit) = plan(&rules, &holding(10, dec!(100.5)), &memory, at(NOW));
    assert_eq!(exit.map(|exit| exit.reason), Some(ExitReason::TrailingStop));
}

#[test]
fn a_position_is_held_for_a_week_at_most() {
    let holding = holding(10, dec!(101));
    let memory = Memory::fresh(&holding);
    let plan_at = |hours| {
        let now = holding.opened_at + TimeDelta::hours(hours);
        plan(&ExitRules::default(), &holding, &memory, now).1.map(|exit| exit.reason)
    };
    assert_eq!((plan_at(167), plan_at(168)), (None, Some(ExitReason::HeldTooLong)));
}

proptest! {
    #[test]
    fn what_is_remembered_only_grows_and_no_more_than_all_is_sold(
        quantity in 1_i64..1000, prices in proptest::collection::vec((6000_i64..20_000, 0_i64..=10), 1..40),
    ) {
        let (mut left, mut stepped) = (Decimal::from(quantity), Decimal::ZERO);
        let mut memory = Memory::fresh(&holding(quantity, dec!(100)));
        // How much of an order is filled, tenths: what is not is due again.
        for (price, filled) in prices {
            let holding = Holding { quantity: left, stepped, ..holding(quantity, Decimal::new(price, 2)) };
            let (after, exit) = plan(&ExitRules::default(), &holding, &memory, at(NOW));
            prop_assert!(after.highest >= memory.highest);
            prop_assert!(after.highest >= holding.price && after.steps_taken <= 4);
            memory = after;
            match exit.map(|exit| exit.portion) {
                Some(Portion::All) => break,
                Some(Portion::Shares(shares)) => {
                    prop_assert!(shares >= Decimal::ONE && shares < left);
                    let sold = (shares * Decimal::new(filled, 1)).floor();
                    (left, stepped) = (left - sold, stepped + sold);
                    prop_assert!(stepped <= Decimal::from(quantity) * dec!(0.75));
                }
                None => prop_assert!(holding.price > dec!(97)),
            }
        }
    }
}
