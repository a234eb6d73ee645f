//! What was traded: one row for each growth of an order's filled quantity.
//!
//! Trades, as users see them, are these rows; a row's id is the trade's.

use chrono::{DateTime, Utc};
use domain::order::{Side, UnknownWord};
use rust_decimal::Decimal;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{orders::Origin, positions::Change, word::Word};

/// By which way a fill was heard of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// An event of the broker's stream.
    Stream,
    /// A question that we asked.
    Poll,
    /// The answer to the order itself.
    Ack,
}

impl Source {
    /// Returns the word in the column.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stream => "stream",
            Self::Poll => "poll",
            Self::Ack => "ack",
        }
    }
}

impl std::str::FromStr for Source {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        let all = [Self::Stream, Self::Poll, Self::Ack];
        let found = all.into_iter().find(|source| source.as_str() == word);
        found.ok_or_else(|| UnknownWord::new("source of a fill", word))
    }
}

/// A fill. Money is in US dollars.
#[derive(Debug, Clone, PartialEq)]
pub struct Fill {
    /// Its id, and the trade's.
    pub id: Uuid,
    /// The order that was filled.
    pub order_id: Uuid,
    /// Its owner.
    pub user_id: Uuid,
    /// The broker's id of the order.
    pub broker_order_id: Option<String>,
    /// The strategy that asked for the order.
    pub strategy_id: Option<Uuid>,
    /// Where the order comes from.
    pub origin: Origin,
    /// The trace of the order.
    pub trace_id: Option<String>,
    /// What was traded.
    pub symbol: String,
    /// Which way.
    pub side: Side,
    /// Shares.
    pub qty: Decimal,
    /// What a share cost.
    pub price: Decimal,
    /// When.
    pub occurred_at: DateTime<Utc>,
    /// What the trade gained, when it closed something.
    pub realized_pnl: Option<Decimal>,
    /// The position after it; below zero when short.
    pub position_qty: Decimal,
    /// By which way it was heard of.
    pub source: Source,
    /// The broker's id of the execution, when the fill is exactly that one.
    pub broker_execution_id: Option<String>,
}

/// A fill to be recorded.
#[derive(Debug, Clone, Copy)]
pub(super) struct NewFill<'a> {
    pub(super) order_id: Uuid,
    pub(super) change: &'a Change<'a>,
    pub(super) realized_pnl: Option<Decimal>,
    pub(super) position_qty: Decimal,
    pub(super) source: Source,
    pub(super) broker_execution_id: Option<&'a str>,
}

/// Inserts a fill and returns its id.
pub(super) async fn insert(conn: &mut PgConnection, fill: &NewFill<'_>) -> sqlx::Result<Uuid> {
    let id = Uuid::now_v7();
    sqlx::query!(
        "insert into fills (fill_id, order_id, user_id, symbol, side, qty, price, occurred_at, realized_pnl,
                            position_qty, source, broker_execution_id)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        id,
        fill.order_id,
        fill.change.user_id,
        fill.change.symbol,
        fill.change.side.as_str(),
        fill.change.qty,
        fill.change.price,
        fill.change.at,
        fill.realized_pnl,
        fill.position_qty,
        fill.source.as_str(),
        fill.broker_execution_id
    )
    .execute(conn)
    .await?;
    Ok(id)
}

/// Selects whole fills; the rest of the statement follows.
macro_rules! fills {
    ($rest:literal $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            Fill,
            r#"select f.fill_id as id, f.order_id, f.user_id, o.broker_order_id, o.strategy_id,
                      o.origin as "origin!: Word<Origin>", o.trace_id, f.symbol,
                      f.side as "side!: Word<Side>", f.qty, f.price, f.occurred_at, f.realized_pnl,
                      f.position_qty, f.source as "source!: Word<Source>", f.broker_execution_id
                 from fills as f
                 join orders as o on o.order_id = f.order_id "# + $rest
            $(, $argument)*
        )
    };
}

/// Which fills to list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only of this symbol.
    pub symbol: Option<String>,
    /// Only of orders of this strategy.
    pub strategy_id: Option<Uuid>,
    /// Only since this.
    pub since: Option<DateTime<Utc>>,
    /// Only fills after this `(occurred_at, id)` in the list's order.
    pub after: Option<(DateTime<Utc>, Uuid)>,
}

/// Returns up to `limit` fills of `user_id`, newest first.
pub async fn list(
    conn: &mut PgConnection,
    user_id: Uuid,
    filter: &Filter,
    limit: i64,
) -> sqlx::Result<Vec<Fill>> {
    let (occurred_at, id) = filter.after.unzip();
    fills!(
        "where f.user_id = $1
           and ($2::text is null or f.symbol = $2)
           and ($3::uuid is null or o.strategy_id = $3)
           and ($4::timestamptz is null or f.occurred_at >= $4)
           and ($5::timestamptz is null or (f.occurred_at, f.fill_id) < ($5, $6::uuid))
         order by f.occurred_at desc, f.fill_id desc
         limit $7",
        user_id,
        filter.symbol.as_deref(),
        filter.strategy_id,
        filter.since,
        occurred_at,
        id,
        limit
    )
    .fetch_all(conn)
    .await
}

/// Returns the fill `id` of `user_id`; another user's is `None`.
pub async fn by_id(conn: &mut PgConnection, user_id: Uuid, id: Uuid) -> sqlx::Result<Option<Fill>> {
    fills!("where f.fill_id = $1 and f.user_id = $2", id, user_id).fetch_optional(conn).await
}

/// Returns the fills of an order of `user_id`, oldest first.
pub async fn for_order(conn: &mut PgConnection, user_id: Uuid, order_id: Uuid) -> sqlx::Result<Vec<Fill>> {
    fills!("where f.order_id = $1 and f.user_id = $2 order by f.seq", order_id, user_id).fetch_all(conn).await
}

/// What a user's trades came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tally {
    /// Fills of any kind.
    pub fills: i64,
    /// Fills that closed something with a gain.
    pub wins: i64,
    /// Fills that closed something with a loss.
    pub losses: i64,
    /// What all of them gained.
    pub realized_pnl: Decimal,
    /// Shares times price of all of them.
    pub volume: Decimal,
}

/// Returns what the trades of `user_id` since `since` came to; all of them for `None`.
pub async fn tally(
    conn: &mut PgConnection,
    user_id: Uuid,
    since: Option<DateTime<Utc>>,
) -> sqlx::Result<Tally> {
    sqlx::query_as!(
        Tally,
        r#"select count(*) as "fills!",
                  count(*) filter (where realized_pnl > 0) as "wins!",
                  count(*) filter (where realized_pnl < 0) as "losses!",
                  coalesce(sum(realized_pnl), 0) as "realized_pnl!",
                  coalesce(sum(qty * price), 0) as "volume!"
             from fills
            where user_id = $1
              and ($2::timestamptz is null or occurred_at >= $2)"#,
        user_id,
        since
    )
    .fetch_one(conn)
    .await
}
