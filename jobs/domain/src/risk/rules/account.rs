//! Rules about the account: loss, buying power, free shares, short sales, day trades.

use rust_decimal::Decimal;

use super::{Case, Outcome, dollars, refuse, refuse_by};
use crate::{
    order::{OrderClass, OrderRequest, Side},
    risk::{Effect, Missing, Rule, effect::free, order_quantity},
};

/// The equity below which day trades are counted, dollars. Source: FINRA rule 4210(f)(8)(B).
const DAY_TRADER_EQUITY: Decimal = Decimal::from_parts(25_000, 0, 0, false, 0);
/// The day trades in five trading days that may be made below it.
const DAY_TRADES: u32 = 3;

/// The broker would refuse anything, exits too.
pub(super) fn blocked(case: &Case) -> Outcome {
    match &case.view.account {
        Some(account) if account.trading_blocked => {
            refuse(Rule::AccountBlocked, "the broker has blocked trading of the account")
        }
        _ => Ok(()),
    }
}

/// The loss since the last close, positions included.
pub(super) fn daily_loss(case: &Case) -> Outcome {
    let Some(account) = case.for_entry()? else { return Ok(()) };
    let limit = case.view.limits.daily_loss_percent;
    let lost = account.last_equity - account.equity;
    if account.last_equity <= Decimal::ZERO || lost * Decimal::ONE_HUNDRED < limit * account.last_equity {
        return Ok(());
    }
    let percent = (lost * Decimal::ONE_HUNDRED / account.last_equity).round_dp(4);
    let message = format!(
        "the equity fell from {} to {} today, {} %, and entries stop at {} %",
        dollars(account.last_equity),
        dollars(account.equity),
        percent.round_dp(2).normalize(),
        limit.normalize()
    );
    refuse_by(Rule::DailyLoss, limit, percent, message)
}

/// The broker takes no order for more than is free of the opposite position, since that would
/// change its side.
pub(super) fn position_quantity(case: &Case) -> Outcome {
    let order = case.order;
    let held = case.view.held(&order.symbol).ok_or(Missing::UnknownPositions)?;
    let effect = case.effect?;
    if effect == Effect::Entry && order.class == OrderClass::Oco {
        let message = format!("an oco order ends a position, and there is none of {} to end", order.symbol);
        return refuse_by(Rule::PositionQuantity, Decimal::ZERO, quantity(case)?, message);
    }
    if effect != Effect::Excess {
        return Ok(());
    }
    let (free, asked) = (free(order, case.view, held), quantity(case)?);
    let message = format!(
        "{} shares of {} are free of {}, fewer than the {} asked for",
        free.normalize(),
        order.symbol,
        held.abs().normalize(),
        asked.round_dp(9).normalize()
    );
    refuse_by(Rule::PositionQuantity, free, asked, message)
}

/// Selling what is not held: allowed by the user, the broker and the asset, in whole shares.
pub(super) fn short_sale(case: &Case) -> Outcome {
    let OrderRequest { side, symbol, amount, .. } = case.order;
    if *side == Side::Buy || !case.is_entry()? {
        return Ok(());
    }
    if !case.view.limits.allow_short {
        let message = format!("there is no position of {symbol} to sell, and short sales are off");
        return refuse(Rule::ShortSale, message);
    }
    if !amount.units().is_some_and(|units| units.is_integer()) {
        return refuse(Rule::ShortSale, format!("{symbol} can be sold short in whole shares only"));
    }
    let account = case.view.account.as_ref().ok_or(Missing::UnknownAccount)?;
    let asset = case.view.asset.ok_or(Missing::UnknownAsset)?;
    if !account.shorting_enabled {
        return refuse(Rule::ShortSale, "the account is not allowed to sell short");
    }
    if !asset.shortable {
        return refuse(Rule::ShortSale, format!("{symbol} can't be sold short"));
    }
    Ok(())
}

/// The broker's figure counts the orders that it has; ours that are on their way come on top.
pub(super) fn buying_power(case: &Case) -> Outcome {
    let Some(account) = case.for_entry()? else { return Ok(()) };
    let on_the_way: Decimal = case
        .view
        .open_orders
        .iter()
        .filter(|open| !open.reduces && !open.at_broker)
        .map(|open| open.value)
        .sum();
    let available = (account.buying_power - on_the_way).max(Decimal::ZERO);
    let value = case.value()?;
    if value <= available {
        return Ok(());
    }
    let message = format!("the order needs up to {}, and {} is free", dollars(value), dollars(available));
    refuse_by(Rule::BuyingPower, available, value, message)
}

/// Entries only: the broker checks on entry by default, and an exit must stay possible.
pub(super) fn pdt(case: &Case) -> Outcome {
    let Some(account) = case.for_entry()? else { return Ok(()) };
    if account.equity >= DAY_TRADER_EQUITY || account.daytrade_count < DAY_TRADES {
        return Ok(());
    }
    let count = Decimal::from(account.daytrade_count);
    let message = format!(
        "{count} day trades in five days with {}, below {}",
        dollars(account.equity),
        dollars(DAY_TRADER_EQUITY)
    );
    refuse_by(Rule::Pdt, Decimal::from(DAY_TRADES), count, message)
}

/// Returns the shares of the order, money at the last price.
fn quantity(case: &Case) -> Result<Decimal, Missing> {
    order_quantity(case.order, case.view.last_price.map(|quote| quote.price)).ok_or(Missing::UnknownPrice)
}
