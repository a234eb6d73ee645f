//! Account, clock, calendar and assets.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use serde::Deserialize;
use serde_json::Value;

use super::{
    super::super::{Account, Asset, BrokerError, CalendarDay, Clock},
    malformed,
    money::Money,
    read,
};

#[derive(Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "the wire's fields")]
struct AccountWire {
    id: String,
    account_number: String,
    status: String,
    currency: String,
    cash: Money,
    equity: Money,
    last_equity: Money,
    buying_power: Money,
    long_market_value: Money,
    short_market_value: Money,
    shorting_enabled: bool,
    pattern_day_trader: bool,
    daytrade_count: u32,
    trading_blocked: bool,
    account_blocked: bool,
    trade_suspended_by_user: bool,
}

pub(in super::super) fn account(raw: Value) -> Result<Account, BrokerError> {
    let wire: AccountWire = read("account", &raw)?;
    Ok(Account {
        id: wire.id,
        account_number: wire.account_number,
        status: wire.status,
        currency: wire.currency,
        cash: wire.cash.0,
        equity: wire.equity.0,
        last_equity: wire.last_equity.0,
        buying_power: wire.buying_power.0,
        long_market_value: wire.long_market_value.0,
        short_market_value: wire.short_market_value.0,
        shorting_enabled: wire.shorting_enabled,
        pattern_day_trader: wire.pattern_day_trader,
        daytrade_count: wire.daytrade_count,
        trading_blocked: wire.trading_blocked,
        account_blocked: wire.account_blocked,
        trade_suspended_by_user: wire.trade_suspended_by_user,
        raw,
    })
}

#[derive(Deserialize)]
struct ClockWire {
    timestamp: DateTime<Utc>,
    is_open: bool,
    next_open: DateTime<Utc>,
    next_close: DateTime<Utc>,
}

pub(in super::super) fn clock(raw: Value) -> Result<Clock, BrokerError> {
    let ClockWire { timestamp, is_open, next_open, next_close } = read("clock", &raw)?;
    Ok(Clock { timestamp, is_open, next_open, next_close, raw })
}

#[derive(Deserialize)]
struct CalendarWire {
    date: NaiveDate,
    open: String,
    close: String,
}

pub(in super::super) fn calendar_day(raw: Value) -> Result<CalendarDay, BrokerError> {
    let CalendarWire { date, open, close } = read("calendar day", &raw)?;
    let time = |text: &str| {
        NaiveTime::parse_from_str(text, "%H:%M")
            .map_err(|error| malformed("calendar day", &format!("{text:?}: {error}")))
    };
    Ok(CalendarDay { date, open: time(&open)?, close: time(&close)?, raw })
}

#[derive(Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "the wire's fields")]
struct AssetWire {
    id: String,
    symbol: String,
    name: Option<String>,
    class: String,
    exchange: String,
    status: String,
    tradable: bool,
    marginable: bool,
    shortable: bool,
    fractionable: bool,
}

pub(in super::super) fn asset(raw: Value) -> Result<Asset, BrokerError> {
    let wire: AssetWire = read("asset", &raw)?;
    Ok(Asset {
        id: wire.id,
        name: wire.name.unwrap_or_else(|| wire.symbol.clone()),
        symbol: wire.symbol,
        class: wire.class,
        exchange: wire.exchange,
        active: wire.status == "active",
        tradable: wire.tradable,
        marginable: wire.marginable,
        shortable: wire.shortable,
        fractionable: wire.fractionable,
        raw,
    })
}
