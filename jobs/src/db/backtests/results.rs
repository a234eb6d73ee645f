//! The rows of results: the equity curve and the trades.

use std::time::Duration;

use chrono::NaiveDate;
use domain::backtest::{OrderType, Reason, Report, Side, TradeEvent};
use rust_decimal::{Decimal, RoundingStrategy, prelude::FromPrimitive};
use serde_json::Value;
use sqlx::PgConnection;
use thiserror::Error;
use uuid::Uuid;

/// What a run found, as [`super::finish`] stores it.
#[derive(Debug, Clone, Copy)]
pub struct Results<'a> {
    /// The engine's report.
    pub report: &'a Report,
    /// What the bars are and where they come from, a JSON object.
    pub provenance: &'a Value,
    /// How long the attempt took: reading, simulating; not the storing of these results.
    pub runtime: Duration,
}

/// Why results can't be stored.
#[derive(Debug, Error)]
pub enum ResultsError {
    /// A figure is not finite or too large for its column.
    #[error("{column} is {value}, must be a number below 1e{digits}")]
    OutOfRange {
        /// The column.
        column: &'static str,
        /// The figure.
        value: f64,
        /// Digits before the point that the column holds.
        digits: u32,
    },
    /// A trade names a symbol that the run does not have.
    #[error("trade {seq} names symbol number {symbol} of {symbols}")]
    UnknownSymbol {
        /// The trade's place, from 1.
        seq: usize,
        /// The index it names.
        symbol: usize,
        /// How many symbols there are.
        symbols: usize,
    },
    /// The database failed.
    #[error(transparent)]
    Sql(#[from] sqlx::Error),
}

/// One stored point of the equity curve.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub struct EquityPoint {
    /// The point's place, from 1.
    pub seq: i32,
    pub date: NaiveDate,
    pub equity: Decimal,
    pub cash: Decimal,
    pub exposure: Decimal,
}

/// One stored fill.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub struct Trade {
    /// The fill's place, from 1.
    pub seq: i32,
    pub date: NaiveDate,
    pub symbol: String,
    /// `buy` or `sell`.
    pub side: String,
    pub qty: Decimal,
    pub price: Decimal,
    /// Of a fill that closes a position.
    pub pnl: Option<Decimal>,
    pub reason: String,
    pub order_type: String,
    pub fees: Decimal,
    pub slippage: Decimal,
    pub position_after: Decimal,
    pub cash_after: Decimal,
}

/// Money and prices: numeric(20, 6).
const MONEY: u32 = 6;
/// Shares: numeric(20, 8).
const SHARES: u32 = 8;

fn numeric(column: &'static str, value: f64, scale: u32) -> Result<Decimal, ResultsError> {
    let digits = 20 - scale;
    Decimal::from_f64(value)
        .map(|exact| exact.round_dp_with_strategy(scale, RoundingStrategy::MidpointAwayFromZero))
        .filter(|rounded| rounded.abs() < Decimal::from(10_u64.pow(digits)))
        .ok_or(ResultsError::OutOfRange { column, value, digits })
}

pub(super) async fn store_equity(
    conn: &mut PgConnection,
    id: Uuid,
    report: &Report,
) -> Result<(), ResultsError> {
    let column = |name, values: &[f64]| {
        values.iter().map(|&value| numeric(name, value, MONEY)).collect::<Result<Vec<_>, _>>()
    };
    let equity = column("equity", &report.equity)?;
    let cash = column("cash", &report.cash)?;
    let exposure = column("exposure", &report.exposure)?;
    sqlx::query!("delete from backtest_equity where backtest_id = $1", id).execute(&mut *conn).await?;
    sqlx::query!(
        "insert into backtest_equity (backtest_id, seq, session_date, equity, cash, exposure)
         select $1, seq, session_date, equity, cash, exposure
           from unnest($2::date[], $3::numeric[], $4::numeric[], $5::numeric[])
                with ordinality as point (session_date, equity, cash, exposure, seq)",
        id,
        &report.dates,
        &equity,
        &cash,
        &exposure
    )
    .execute(conn)
    .await?;
    Ok(())
}

pub(super) async fn store_trades(
    conn: &mut PgConnection,
    id: Uuid,
    report: &Report,
) -> Result<(), ResultsError> {
    let (symbols, trades) = (&report.symbols, &report.events);
    let column = |name, of: fn(&TradeEvent) -> f64, scale| {
        trades.iter().map(|trade| numeric(name, of(trade), scale)).collect::<Result<Vec<_>, _>>()
    };
    let tickers = trades
        .iter()
        .enumerate()
        .map(|(at, trade)| {
            symbols.get(trade.symbol).cloned().ok_or(ResultsError::UnknownSymbol {
                seq: at + 1,
                symbol: trade.symbol,
                symbols: symbols.len(),
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    let pnl = trades
        .iter()
        .map(|trade| trade.pnl.map(|pnl| numeric("pnl", pnl, MONEY)).transpose())
        .collect::<Result<Vec<_>, _>>()?;
    let dates: Vec<NaiveDate> = trades.iter().map(|trade| trade.date).collect();
    let words = |of: fn(&TradeEvent) -> &'static str| {
        trades.iter().map(|trade| of(trade).to_owned()).collect::<Vec<String>>()
    };
    sqlx::query!("delete from backtest_trades where backtest_id = $1", id).execute(&mut *conn).await?;
    sqlx::query!(
        "insert into backtest_trades (backtest_id, seq, session_date, symbol, side, qty, price, pnl, reason,
                                      order_type, fees, slippage, position_after, cash_after)
         select $1, seq, session_date, symbol, side, qty, price, pnl, reason,
                order_type, fees, slippage, position_after, cash_after
           from unnest($2::date[], $3::text[], $4::text[], $5::numeric[], $6::numeric[], $7::numeric[],
                       $8::text[], $9::text[], $10::numeric[], $11::numeric[], $12::numeric[],
                       $13::numeric[])
                with ordinality as trade (session_date, symbol, side, qty, price, pnl, reason,
                                          order_type, fees, slippage, position_after, cash_after, seq)",
        id,
        &dates,
        &tickers,
        &words(|trade| side(trade.side)),
        &column("qty", |trade| trade.quantity, SHARES)?,
        &column("price", |trade| trade.price, MONEY)?,
        &pnl as &[Option<Decimal>],
        &words(|trade| reason(trade.reason)),
        &words(|trade| order_type(trade.order_type)),
        &column("fees", |trade| trade.fees, MONEY)?,
        &column("slippage", |trade| trade.slippage, MONEY)?,
        &column("position_after", |trade| trade.position_after, SHARES)?,
        &column("cash_after", |trade| trade.cash_after, MONEY)?
    )
    .execute(conn)
    .await?;
    Ok(())
}

fn side(side: Side) -> &'static str {
    match side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    }
}

fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::Entry => "entry",
        Reason::Exit => "exit",
        Reason::StopLoss => "stop_loss",
        Reason::TakeProfit => "take_profit",
        Reason::CloseAtEnd => "close_at_end",
    }
}

fn order_type(order_type: OrderType) -> &'static str {
    match order_type {
        OrderType::Market => "market",
        OrderType::Stop => "stop",
        OrderType::Limit => "limit",
    }
}

/// Returns up to `limit` points after place `after` (0 for the first), oldest first.
///
/// `run` is the run that holds the rows, see [`super::Run::results_of`].
pub async fn equity_page(
    conn: &mut PgConnection,
    run: Uuid,
    after: i32,
    limit: i64,
) -> sqlx::Result<Vec<EquityPoint>> {
    sqlx::query_as!(
        EquityPoint,
        "select seq, session_date as date, equity, cash, exposure
           from backtest_equity
          where backtest_id = $1
            and seq > $2
          order by seq
          limit $3",
        run,
        after,
        limit
    )
    .fetch_all(conn)
    .await
}

/// Returns at most `points` (two or more) points spread evenly over the curve, the first and
/// the last included.
pub async fn equity_sample(
    conn: &mut PgConnection,
    run: Uuid,
    points: i32,
) -> sqlx::Result<Vec<EquityPoint>> {
    sqlx::query_as!(
        EquityPoint,
        "with curve as (
             select max(seq) as last, greatest(1, (max(seq) + $2 - 3) / ($2 - 1)) as step
               from backtest_equity
              where backtest_id = $1)
         select seq, session_date as date, equity, cash, exposure
           from backtest_equity, curve
          where backtest_id = $1
            and ((seq - 1) % curve.step = 0 or seq = curve.last)
          order by seq",
        run,
        points.max(2)
    )
    .fetch_all(conn)
    .await
}

/// Returns up to `limit` fills after place `after` (0 for the first), oldest first.
///
/// `run` is the run that holds the rows, see [`super::Run::results_of`].
pub async fn trades_page(
    conn: &mut PgConnection,
    run: Uuid,
    after: i32,
    limit: i64,
) -> sqlx::Result<Vec<Trade>> {
    sqlx::query_as!(
        Trade,
        "select seq, session_date as date, symbol, side, qty, price, pnl, reason, order_type, fees, slippage,
                position_after, cash_after
           from backtest_trades
          where backtest_id = $1
            and seq > $2
          order by seq
          limit $3",
        run,
        after,
        limit
    )
    .fetch_all(conn)
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_rounded_to_the_scale_of_its_column_or_refused() {
        for (value, stored) in [(0.1 + 0.2, "0.3"), (-1.000_000_5, "-1.000001"), (1e13, "10000000000000")] {
            assert_eq!(numeric("equity", value, MONEY).expect("it fits").normalize().to_string(), stored);
        }
        for value in [f64::NAN, f64::INFINITY, 1e14, -1e14, 1e300] {
            assert!(numeric("equity", value, MONEY).is_err(), "{value}");
        }
    }
}
