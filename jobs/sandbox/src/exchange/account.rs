//! What the account is worth and what it may still buy.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::Exchange;
use super::market::Market;
use super::order_object::{amount, instant};

/// Equity below which an account trades on cash only, in dollars.
const MARGIN_MINIMUM: Decimal = Decimal::from_parts(2_000, 0, 0, false, 0);
/// Equity below which day trades are counted, in dollars.
const DAY_TRADER_MINIMUM: Decimal = Decimal::from_parts(25_000, 0, 0, false, 0);

/// The sums of one moment, in dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Figures {
    /// Cash, negative when borrowed.
    pub cash: Decimal,
    /// Cash and positions.
    pub equity: Decimal,
    /// Value of the long positions.
    pub long_value: Decimal,
    /// Value of the short positions, never positive.
    pub short_value: Decimal,
    /// What the positions bind at their opening: half of a marginable one, all of another.
    pub initial_margin: Decimal,
    /// What the positions bind as long as they are held.
    pub maintenance_margin: Decimal,
    /// What open orders hold back.
    pub reserved: Decimal,
    /// Buying power per dollar of equity: 1, 2 or 4.
    pub multiplier: u8,
    /// What the account may buy now, before it is cut off at 0.
    pub buying_power: Decimal,
    /// Equity at the last session's end.
    pub last_equity: Decimal,
    /// Maintenance margin at the last session's end.
    pub last_maintenance_margin: Decimal,
}

impl Exchange {
    /// Returns the account's sums at `at`, positions valued at the last trade.
    pub fn figures(&self, market: &dyn Market, at: DateTime<Utc>) -> Figures {
        let book = &self.book;
        let mut sums = Figures { cash: book.cash, reserved: book.reserved(), ..Figures::default() };
        for (symbol, position) in &book.positions {
            let price = market.quote(symbol, at).map_or(position.avg_entry_price, |quote| quote.last);
            let value = position.qty * price;
            if value.is_sign_negative() {
                sums.short_value += value;
            } else {
                sums.long_value += value;
            }
            let half = market.asset(symbol).is_some_and(|asset| asset.marginable);
            sums.initial_margin += value.abs() * if half { Decimal::new(5, 1) } else { Decimal::ONE };
            sums.maintenance_margin += maintenance(position.qty, price);
        }
        sums.equity = sums.cash + sums.long_value + sums.short_value;
        let end = book.day_end;
        sums.last_equity = end.map_or(book.starting_cash, |end| end.equity);
        sums.last_maintenance_margin = end.map_or(Decimal::ZERO, |end| end.maintenance_margin);
        let most = self.max_multiplier();
        sums.multiplier = if sums.equity < MARGIN_MINIMUM { 1 } else { most };
        sums.buying_power = match sums.multiplier {
            1 => sums.cash,
            4 => day_trading(&sums),
            _ => reg_t(&sums),
        } - sums.reserved;
        sums
    }

    /// Returns the day trades of the last five business days, today included.
    pub fn day_trades(&self, market: &dyn Market, at: DateTime<Utc>) -> usize {
        let today = market.trading_date(at);
        // Any seven days in a row hold five business days.
        let fills = self.book.fills.iter().rev();
        fills.take_while(|fill| (today - fill.date).num_days() < 7).filter(|fill| fill.day_trade).count()
    }

    /// Whether one more day trade would make the account a pattern day trader's.
    pub(super) fn day_trade_denied(&self, market: &dyn Market, figures: &Figures) -> bool {
        figures.equity < DAY_TRADER_MINIMUM && self.day_trades(market, market.now()) >= 3
    }

    /// Returns the account object.
    pub fn account(&self, market: &dyn Market) -> Value {
        let now = market.now();
        let sums = self.figures(market, now);
        let day_trades = self.day_trades(market, now);
        let buying_power = cents(sums.buying_power);
        let seed = self.settings.seed;
        let zero = "0";
        let day_trading_power = if sums.multiplier == 4 { buying_power.as_str() } else { zero };
        let free = (sums.cash - sums.reserved).min(sums.equity - sums.initial_margin);
        let mut account = json!({
            "id": self.chance().id("account", 0, ""),
            "account_number": format!("PA{:08}", seed % 100_000_000),
            "status": "ACTIVE",
            "crypto_status": "ACTIVE",
            "currency": "USD",
            "cash": amount(sums.cash),
            "portfolio_value": amount(sums.equity),
            "equity": amount(sums.equity),
            "last_equity": amount(sums.last_equity),
            "buying_power": buying_power,
            "effective_buying_power": buying_power,
            "regt_buying_power": cents(reg_t(&sums) - sums.reserved),
            "daytrading_buying_power": day_trading_power,
            "non_marginable_buying_power": cents(free),
            "options_buying_power": cents(free),
            "bod_dtbp": 0,
        });
        let standing = json!({
            "long_market_value": amount(sums.long_value),
            "short_market_value": amount(sums.short_value),
            "position_market_value": amount(sums.long_value - sums.short_value),
            "initial_margin": amount(sums.initial_margin),
            "maintenance_margin": amount(sums.maintenance_margin),
            "last_maintenance_margin": amount(sums.last_maintenance_margin),
            "sma": zero,
            "multiplier": sums.multiplier.to_string(),
            "accrued_fees": zero,
            "pending_transfer_in": zero,
            "pending_reg_taf_fees": zero,
            "intraday_adjustments": zero,
            "daytrade_count": day_trades,
            "options_approved_level": 0,
            "options_trading_level": 0,
            "crypto_tier": 0,
            "pattern_day_trader": day_trades >= 4,
            "trading_blocked": false,
            "transfers_blocked": false,
            "account_blocked": false,
            "trade_suspended_by_user": self.is_suspended(),
            "shorting_enabled": self.shorting_enabled(&sums),
            "created_at": instant(self.book.created_at.unwrap_or(now)),
            "balance_asof": market.trading_date(self.book.day_end.map_or(now, |end| end.at)).to_string(),
            "user_configurations": null,
            "admin_configurations": {},
        });
        if let (Some(account), Value::Object(standing)) = (account.as_object_mut(), standing) {
            account.extend(standing);
        }
        account
    }
}

/// Returns max(equity - initial margin, 0) * 2, the overnight rule (Regulation T).
fn reg_t(sums: &Figures) -> Decimal {
    (sums.equity - sums.initial_margin).max(Decimal::ZERO) * Decimal::TWO
}

/// Returns the day trader's four times: of last night's excess, and never more than what today's
/// equity carries beside the positions held.
fn day_trading(sums: &Figures) -> Decimal {
    let four = Decimal::from(4);
    let gross = sums.long_value - sums.short_value;
    let last_night = (sums.last_equity - sums.last_maintenance_margin) * four;
    last_night.min(sums.equity * four - gross).max(Decimal::ZERO)
}

/// Returns what `qty` shares at `price` bind: long 30 % (all under $2.50); short the same
/// share, and at least $5 a share ($2.50 and all under $5).
fn maintenance(qty: Decimal, price: Decimal) -> Decimal {
    let shares = qty.abs();
    let thirty = Decimal::new(3, 1) * price;
    let each = match (qty.is_sign_negative(), price < Decimal::from(5), price < Decimal::new(25, 1)) {
        (false, _, true) => price,
        (false, _, false) => thirty,
        (true, true, _) => price.max(Decimal::new(25, 1)),
        (true, false, _) => thirty.max(Decimal::from(5)),
    };
    shares * each
}

fn cents(value: Decimal) -> String {
    amount(value.max(Decimal::ZERO).round_dp(2))
}
