//! Market data, whose amounts are JSON numbers: they are read by their digits.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::{
    super::super::{BrokerError, LatestPrice, LatestQuote},
    malformed,
    money::number,
};

#[derive(Deserialize)]
struct TradeAnswer<'a> {
    symbol: String,
    #[serde(borrow)]
    trade: Trade<'a>,
}

#[derive(Deserialize)]
struct Trade<'a> {
    t: DateTime<Utc>,
    #[serde(borrow)]
    p: &'a RawValue,
}

#[derive(Deserialize)]
struct QuoteAnswer<'a> {
    symbol: String,
    #[serde(borrow)]
    quote: Quote<'a>,
}

#[derive(Deserialize)]
struct Quote<'a> {
    t: DateTime<Utc>,
    #[serde(borrow)]
    ap: &'a RawValue,
    #[serde(borrow)]
    bp: &'a RawValue,
}

pub(in super::super) fn latest_price(text: &str) -> Result<LatestPrice, BrokerError> {
    let TradeAnswer { symbol, trade } = parse("latest trade", text)?;
    let price = amount("latest trade", trade.p)?;
    if price.is_zero() {
        return Err(malformed("latest trade", "a price of zero"));
    }
    Ok(LatestPrice { symbol, price, at: trade.t, raw: parse("latest trade", text)? })
}

pub(in super::super) fn latest_quote(text: &str) -> Result<LatestQuote, BrokerError> {
    let QuoteAnswer { symbol, quote } = parse("latest quote", text)?;
    let (bid, ask) = (amount("latest quote", quote.bp)?, amount("latest quote", quote.ap)?);
    let raw: Value = parse("latest quote", text)?;
    Ok(LatestQuote { symbol, bid, ask, at: quote.t, raw })
}

fn parse<'a, T: Deserialize<'a>>(what: &str, text: &'a str) -> Result<T, BrokerError> {
    serde_json::from_str(text).map_err(|error| malformed(what, &error.to_string()))
}

fn amount(what: &str, raw: &RawValue) -> Result<Decimal, BrokerError> {
    match number(raw) {
        Some(amount) if amount >= Decimal::ZERO => Ok(amount),
        _ => Err(malformed(what, &format!("{} is no price", raw.get()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_keep_their_digits_and_nonsense_is_refused() {
        let trade = |price: &str| {
            latest_price(&format!(
                r#"{{"symbol":"AAPL","trade":{{"t":"2026-03-02T15:04:05.123456789Z","p":{price},"s":1}}}}"#
            ))
        };
        let latest = trade("187.123456789012345678").expect("a trade");
        assert_eq!(latest.price.to_string(), "187.123456789012345678");
        assert_eq!(latest.at.timestamp_subsec_nanos(), 123_456_789);
        for bad in ["\"187.5\"", "-1", "0", "null", "1e999", "{}"] {
            trade(bad).expect_err(bad);
        }
        let quote =
            r#"{"symbol":"A","quote":{"t":"2026-03-02T10:04:05-05:00","ap":1.5,"as":1,"bp":0,"bs":0}}"#;
        let quote = latest_quote(quote).expect("a quote");
        assert_eq!((quote.bid, quote.ask.to_string()), (Decimal::ZERO, "1.5".to_owned()));
    }
}
