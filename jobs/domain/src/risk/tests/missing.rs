//! What is not known is left to sending at acceptance, and a reason to wait at sending.

use super::*;

#[test]
fn what_is_not_known_is_judged_at_sending() {
    let stale = with(|v| v.last_price = Some(Quote { price: d("100"), at: now() - TimeDelta::seconds(61) }));
    let edge = with(|v| v.last_price = Some(Quote { price: d("100"), at: now() - TimeDelta::seconds(60) }));
    let exit = |change: fn(&mut RiskView)| {
        let mut view = holding_view("10");
        change(&mut view);
        view
    };
    let cases = [
        (buy("1"), with(|v| v.account = None), Some(Missing::UnknownAccount), "an entry needs the account"),
        (buy("1"), with(|v| v.positions = None), Some(Missing::UnknownPositions), "and the positions"),
        (buy("1"), with(|v| v.asset = None), Some(Missing::UnknownAsset), "and the asset"),
        (buy("1"), with(|v| v.market = None), Some(Missing::UnknownMarket), "and the market"),
        (buy("1"), with(|v| v.last_price = None), Some(Missing::UnknownPrice), "and a price"),
        (buy("1"), stale.clone(), Some(Missing::StalePrice), "that is not too old"),
        (buy("1"), edge, None, "as old as may be"),
        (limit_buy("1", "99"), stale.clone(), Some(Missing::StalePrice), "a limit needs it for its collar"),
        (
            limit_buy("1", "99"),
            RiskView { limits: Limits { price_collar_percent: None, ..Limits::default() }, ..stale },
            None,
            "and without a collar not at all",
        ),
        (sell("5"), exit(|v| v.account = None), None, "an exit needs no account"),
        (sell("5"), exit(|v| v.last_price = None), None, "and no price"),
        (sell("5"), exit(|v| v.positions = None), Some(Missing::UnknownPositions), "but the positions"),
    ];
    for (order, view, expected, why) in cases {
        let at_sending = expected.map_or(Verdict::Pass, Verdict::Unknown);
        assert_eq!(check(&order, Stage::Sending, &view), at_sending, "{why}");
        assert_eq!(check(&order, Stage::Acceptance, &view), Verdict::Pass, "{why}");
    }
}

#[test]
fn a_certain_refusal_beats_a_missing_fact() {
    let view = with(|v| {
        v.account = None;
        v.asset.as_mut().expect("an asset").tradable = false;
    });
    for stage in [Stage::Acceptance, Stage::Sending] {
        let verdict = check(&buy("1"), stage, &view);
        assert_eq!(verdict.refusal().map(|refusal| refusal.rule), Some(Rule::TradableAsset));
    }
}

#[test]
fn reducing_without_known_positions_waits() {
    let view = RiskView { trading: TradingState::Reducing, positions: None, ..view() };
    assert_eq!(check(&sell("1"), Stage::Sending, &view), Verdict::Unknown(Missing::UnknownPositions));
}
