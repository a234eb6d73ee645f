//! What was spent on a day (UTC), by provider.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use sqlx::PgConnection;

/// Tokens and money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amount {
    /// Tokens, in and out together.
    pub tokens: i64,
    /// In USD.
    pub cost: Decimal,
}

/// What was set aside for one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reservation {
    /// The day whose budget it comes from.
    pub day: NaiveDate,
    /// How much.
    pub amount: Amount,
}

/// Sets `amount` aside from today's budget; `None` when that would pass `most`.
///
/// One statement under the row's lock decides, so any number of callers stay below it together.
pub async fn reserve(
    conn: &mut PgConnection,
    provider: &str,
    amount: Amount,
    most: Amount,
) -> sqlx::Result<Option<Reservation>> {
    let day = sqlx::query_scalar!(
        "insert into llm_spending as s (provider, day, calls, tokens, cost)
         select $1, (clock_timestamp() at time zone 'utc')::date, 1, $2::bigint, $3::numeric
          where $2::bigint <= $4::bigint and $3::numeric <= $5::numeric
         on conflict (provider, day) do update
            set calls = s.calls + 1,
                tokens = s.tokens + excluded.tokens,
                cost = s.cost + excluded.cost
          where s.tokens + excluded.tokens <= $4::bigint
            and s.cost + excluded.cost <= $5::numeric
         returning day",
        provider,
        amount.tokens,
        amount.cost,
        most.tokens,
        most.cost,
    )
    .fetch_optional(conn)
    .await?;
    Ok(day.map(|day| Reservation { day, amount }))
}

/// Puts what was used in place of what was reserved; a call that does not count was none.
pub async fn settle(
    conn: &mut PgConnection,
    provider: &str,
    reservation: &Reservation,
    used: Amount,
    counts: bool,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update llm_spending
            set calls = greatest(0, calls - $3),
                tokens = greatest(0, tokens + $4),
                cost = greatest(0, cost + $5)
          where provider = $1 and day = $2",
        provider,
        reservation.day,
        i64::from(!counts),
        used.tokens.saturating_sub(reservation.amount.tokens),
        used.cost - reservation.amount.cost,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What one provider has taken today.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spent {
    /// The provider.
    pub provider: String,
    /// Calls that were made.
    pub calls: i64,
    /// Tokens, in and out together.
    pub tokens: i64,
    /// In USD.
    pub cost: Decimal,
}

/// Returns what was spent today (UTC), by provider; what is reserved counts.
pub async fn spent_today(conn: &mut PgConnection) -> sqlx::Result<Vec<Spent>> {
    sqlx::query_as!(
        Spent,
        "select provider, calls, tokens, cost
           from llm_spending
          where day = (clock_timestamp() at time zone 'utc')::date
          order by provider"
    )
    .fetch_all(conn)
    .await
}
