//! Placement: from a request to accepted orders, or to the reason why not.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::Value;

use super::Exchange;
use super::change::Change;
use super::checks::{self, Bounds};
use super::market::{Asset, Market, Quote};
use super::order::OrderId;
use super::refusal::Refusal;
use super::request::{Amount, NewOrder};
use super::terms::{Class, Intent, Side};

/// A request that the account, the asset and the price agree to.
#[derive(Debug)]
pub(super) struct Admitted {
    pub request: NewOrder,
    pub asset: Asset,
    pub quote: Quote,
    pub now: DateTime<Utc>,
    pub expected_qty: Decimal,
    pub intent: Intent,
    pub unit_cost: Decimal,
}

impl Exchange {
    /// Takes the body of `POST /v2/orders` and returns the accepted order object, legs inside.
    ///
    /// The request is counted for the ledger whatever comes of it. A client id used before is
    /// refused first, as a repeated request may well be refused for other reasons by now.
    pub fn place(&mut self, market: &dyn Market, body: &Value) -> Result<Value, Refusal> {
        let client_order_id = body
            .get("client_order_id")
            .and_then(Value::as_str)
            .filter(|id| !id.is_empty())
            .map(str::to_owned);
        let duplicate =
            client_order_id.as_deref().is_some_and(|id| self.book.order_by_client_id(id).is_some());
        self.record(Change::Posted { client_order_id, duplicate });
        let outcome = if duplicate {
            Err(Refusal::duplicate())
        } else {
            NewOrder::read(body).and_then(|request| self.submit(market, request, true))
        };
        let answer = outcome.and_then(|id| self.order(id, true));
        if self.settings.fill_at_acceptance && answer.is_ok() {
            self.evaluate(market, market.now());
        }
        self.commit()?;
        answer
    }

    /// Takes an order that is consistent in itself; the caller commits.
    pub(super) fn submit(
        &mut self,
        market: &dyn Market,
        request: NewOrder,
        posted: bool,
    ) -> Result<OrderId, Refusal> {
        let admitted = self.admit(market, request)?;
        Ok(self.accept(market, &admitted, posted))
    }

    fn admit(&self, market: &dyn Market, request: NewOrder) -> Result<Admitted, Refusal> {
        let now = market.now();
        if self.is_suspended() {
            return Err(Refusal::forbidden("new orders are rejected by user request"));
        }
        let asset = market
            .asset(&request.symbol)
            .ok_or_else(|| Refusal::rule(format!("asset \"{}\" not found", request.symbol)))?;
        if !asset.tradable {
            return Err(Refusal::rule(format!("asset {} is not tradable", asset.symbol)));
        }
        let quote = market
            .quote(&asset.symbol, now)
            .ok_or_else(|| Refusal::rule(format!("asset {} has no price yet", asset.symbol)))?;
        checks::fractions(self, &request, &asset)?;
        checks::stop_side(request.side, request.order_type, request.stop_price, &quote)?;
        if request.class == Class::Oco {
            let stop = request.stop_loss.map(|loss| loss.stop_price);
            checks::stop_side(request.side, super::OrderType::Stop, stop, &quote)?;
        }
        checks::exits(&request, &quote)?;
        checks::auction_time(request.time_in_force, market, now)?;
        let bounds = Bounds {
            order_type: request.order_type,
            limit_price: request.limit_price,
            stop_price: request.stop_price,
            trail_price: request.trail_price,
            trail_percent: request.trail_percent,
        };
        let unit_cost = bounds.unit_cost(request.side, &quote);
        let (expected_qty, unit_cost) = match request.amount {
            Amount::Qty(qty) => (qty, unit_cost),
            Amount::Notional(notional) => {
                let price = super::matching::touch(request.side, &quote);
                let qty = (notional / price).round_dp(9).max(Decimal::new(1, 9));
                (qty, notional / qty)
            }
        };
        let held = self.book.position_qty(&asset.symbol);
        let opens = match request.side {
            Side::Buy => held >= Decimal::ZERO,
            Side::Sell => held <= Decimal::ZERO,
        };
        let intent = Intent::of(request.side, opens);
        check_intent(&request, opens, intent)?;
        if !opens {
            self.check_free(&asset.symbol, request.side, expected_qty, Decimal::ZERO)?;
        }
        self.check_wash_trade(&request, &asset.symbol)?;
        let figures = self.figures(market, now);
        if opens && request.side == Side::Sell {
            self.check_short(&request, &asset, &figures)?;
        }
        if opens {
            Self::check_buying_power(expected_qty * unit_cost, figures.buying_power)?;
        } else {
            let today = self
                .book
                .positions
                .get(&asset.symbol)
                .is_some_and(|position| position.opened_at(market.trading_date(now)).0 > Decimal::ZERO);
            if today && self.day_trade_denied(market, &figures) {
                return Err(Refusal::pattern_day_trader());
            }
        }
        let unit_cost = if opens { unit_cost } else { Decimal::ZERO };
        Ok(Admitted { request, asset, quote, now, expected_qty, intent, unit_cost })
    }
}

fn check_intent(request: &NewOrder, opens: bool, intent: Intent) -> Result<(), Refusal> {
    match (request.class, opens) {
        (Class::Oco, true) => return Err(Refusal::rule("oco orders must be exit orders")),
        (Class::Bracket, false) => return Err(Refusal::rule("bracket orders must be entry orders")),
        (Class::Oto, false) => return Err(Refusal::rule("oto orders must be entry orders")),
        _ => {}
    }
    match request.intent {
        Some(stated) if stated != intent => {
            let word = |intent: Intent| {
                serde_json::to_value(intent).ok().and_then(|word| word.as_str().map(str::to_owned))
            };
            Err(Refusal::rule(format!(
                "position intent mismatch, inferred: {}, specified: {}",
                word(intent).unwrap_or_default(),
                word(stated).unwrap_or_default()
            )))
        }
        _ => Ok(()),
    }
}
