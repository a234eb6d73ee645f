//! How many shares a decision comes to, and in which order they are asked for.

use chrono::Utc;
use domain::{
    cycle::shares,
    market_hours,
    order::{Amount, OrderClass, OrderRequest, Side, StopLoss},
};
use rust_decimal::{Decimal, RoundingStrategy};
use sqlx::PgConnection;

use crate::db::{agents::Agent, broker_state, decisions::Decision, positions::Position, risk::Settings};

/// Share of the portfolio where an analyst suggests none.
const USUAL: Decimal = Decimal::from_parts(5, 0, 0, false, 2);
/// Of a limit, what an order may use: the price moves until it is filled.
const HEADROOM: Decimal = Decimal::from_parts(98, 0, 0, false, 2);
/// Of the usual size, that of a conservative agent.
const CONSERVATIVE_SIZE: Decimal = Decimal::from_parts(5, 0, 0, false, 1);
/// Decimals of prices from a dollar on.
const PRICE_DECIMALS: u32 = 2;

/// What a decision comes to.
pub(super) enum Size {
    /// An order that buys.
    Buy(Box<OrderRequest>),
    /// The end of the position.
    Leave,
}

/// What is to be bought.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wish<'a> {
    /// Why.
    pub(super) decision: &'a Decision,
    /// What a share costs.
    pub(super) price: Decimal,
    /// The part of an entry, of 1.
    pub(super) part: Decimal,
}

/// Returns the order that buys what is wished for, or the gate that holds it back and its words.
pub(super) async fn buy(
    conn: &mut PgConnection,
    wish: &Wish<'_>,
    agent: &Agent,
    settings: &Settings,
    held: Option<&Position>,
) -> sqlx::Result<Result<OrderRequest, (&'static str, String)>> {
    let Wish { decision, price, part } = *wish;
    let state = broker_state::state(conn).await?;
    let Some(account) = &state.account else {
        return Ok(Err(("portfolio", "the account at the broker is not known".into())));
    };
    let part = if agent.conservative_mode { part * CONSERVATIVE_SIZE } else { part };
    let worth = held.map_or(Decimal::ZERO, |held| held.qty * price);
    let allowed = account.equity * settings.max_position_size_percent / Decimal::ONE_HUNDRED - worth;
    let allowed = settings.max_notional.map_or(allowed, |most| allowed.min(most)) * HEADROOM;
    if account.equity <= Decimal::ZERO {
        return Ok(Err(("portfolio", "the account is worth nothing".into())));
    }
    let suggested = decision.suggested_fraction.unwrap_or(USUAL) * part;
    let Some(shares) = shares(suggested, allowed / account.equity, Decimal::ONE, account.equity, price)
    else {
        let message = format!("not even one share at {price} fits into {}", allowed.round_dp(2));
        return Ok(Err(("too_small", message)));
    };
    let now = Utc::now();
    let open = state.clock.is_some() && state.market_time(now).is_some_and(market_hours::is_open);
    Ok(Ok(request(decision, price, shares, open)))
}

/// Returns a bracket where the decision names a stop and a target around the price and the market is
/// open; a plain order otherwise.
fn request(decision: &Decision, price: Decimal, shares: Decimal, open: bool) -> OrderRequest {
    let plain = OrderRequest::market(decision.symbol.as_str(), Side::Buy, Amount::Units(shares));
    let rounded = |price: Decimal, strategy| price.round_dp_with_strategy(PRICE_DECIMALS, strategy);
    let (Some(target), Some(stop)) = (decision.target_price, decision.stop_loss) else { return plain };
    let target = rounded(target, RoundingStrategy::AwayFromZero);
    let stop = rounded(stop, RoundingStrategy::ToZero);
    if !open || stop >= price || target <= price {
        return plain;
    }
    let bracket = OrderRequest {
        class: OrderClass::Bracket,
        take_profit: Some(target),
        stop_loss: Some(StopLoss { stop_price: stop, limit_price: None }),
        ..plain.clone()
    };
    if bracket.validate().is_ok() { bracket } else { plain }
}
