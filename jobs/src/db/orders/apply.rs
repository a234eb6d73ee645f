//! What the broker says becomes what we know: the one way, whoever heard it.

use chrono::SubsecRound;
use domain::order::{Advance, MAX_PRICE, MAX_QTY, OrderStatus, Progress, advance};
use rust_decimal::Decimal;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    Order, Seen,
    announce::{announce, announce_fill},
    legs, read,
};
use crate::db::{
    fills::{self, NewFill, Source},
    positions,
};

/// What came of news of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Applied {
    /// It was recorded.
    Applied {
        /// Where the order stands now.
        status: OrderStatus,
        /// The fill that it brought.
        fill: Option<Uuid>,
    },
    /// It was known already.
    Stale,
    /// It contradicts what is known, or itself: nothing was changed. Somebody should look.
    Illegal {
        /// How, in words.
        reason: String,
    },
    /// We have no such order.
    Unknown,
}

/// Decimals of a second that the database keeps.
const MICROSECONDS: u16 = 6;
/// Decimals that derived prices are rounded to.
const PRICE_DECIMALS: u32 = 9;

/// Records what the broker said about the order `id`, and about its legs: state, fills, position
/// and the events about them, all or nothing.
///
/// Fills are what the cumulative quantity grew by, so that events, polls and answers are harmless
/// in any order and number. Nothing is changed by news that is [`Applied::Illegal`].
pub async fn apply(
    conn: &mut PgConnection,
    id: Uuid,
    seen: &Seen<'_>,
    source: Source,
) -> sqlx::Result<Applied> {
    apply_family(conn, id, seen, source, Word::Heard).await
}

/// Records the broker's word against the rules of [`apply`], for an order that had ended here
/// while the broker says otherwise, or that an operator adopts. The caller audits it. What can't be
/// this order, or takes fills away, is refused all the same.
pub async fn overrule(
    conn: &mut PgConnection,
    id: Uuid,
    seen: &Seen<'_>,
    source: Source,
) -> sqlx::Result<Applied> {
    apply_family(conn, id, seen, source, Word::Final).await
}

/// What the broker's word is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// It may be old, or wrong.
    Heard,
    /// It was looked up and holds.
    Final,
}

async fn apply_family(
    conn: &mut PgConnection,
    id: Uuid,
    seen: &Seen<'_>,
    source: Source,
    word: Word,
) -> sqlx::Result<Applied> {
    lock_family(conn, id).await?;
    let Some(order) = read::by_id(conn, id).await? else { return Ok(Applied::Unknown) };
    let applied = apply_one(conn, &order, seen, source, word).await?;
    if !matches!(applied, Applied::Illegal { .. }) {
        legs::apply(conn, &order, &seen.order.legs, source).await?;
    }
    Ok(applied)
}

/// Locks the order and its legs in an order that everybody keeps to.
async fn lock_family(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<()> {
    sqlx::query!(
        "select order_id
           from orders
          where order_id = $1 or parent_order_id = $1
          order by order_id
            for no key update",
        id
    )
    .fetch_all(conn)
    .await?;
    Ok(())
}

/// Records news of one order whose row is locked.
pub(super) async fn apply_one(
    conn: &mut PgConnection,
    order: &Order,
    seen: &Seen<'_>,
    source: Source,
    word: Word,
) -> sqlx::Result<Applied> {
    if let Some(reason) = order.contradiction(seen.order) {
        return Ok(Applied::Illegal { reason });
    }
    let current = Progress {
        status: order.status,
        filled_qty: order.filled_qty,
        updated_at: order.broker_updated_at.unwrap_or(order.created_at),
    };
    let told = Progress {
        status: seen.order.status,
        filled_qty: seen.order.filled_qty,
        // The row keeps microseconds: what is told again must not look later than itself.
        updated_at: seen.order.updated_at.trunc_subsecs(MICROSECONDS),
    };
    match advance(&current, &told) {
        _ if word == Word::Final && told.filled_qty >= current.filled_qty => {}
        Advance::Stale => return Ok(Applied::Stale),
        Advance::Illegal => {
            let reason = format!(
                "{} with {} filled after {} with {}",
                told.status, told.filled_qty, current.status, current.filled_qty
            );
            return Ok(Applied::Illegal { reason });
        }
        Advance::Apply => {}
    }
    let growth = match growth(order, seen) {
        Ok(growth) => growth,
        Err(reason) => return Ok(Applied::Illegal { reason }),
    };
    if order.broker_order_id.is_none() && taken(conn, order.id, &seen.order.id).await? {
        let reason = format!("the broker's order {} is another one of ours", seen.order.id);
        return Ok(Applied::Illegal { reason });
    }
    advance_row(conn, order, seen, growth.as_ref()).await?;
    let fill = match &growth {
        Some(growth) => Some(record_fill(conn, order, seen, growth, source).await?),
        None => None,
    };
    announce(conn, order.id).await?;
    if let Some(fill) = fill {
        announce_fill(conn, fill).await?;
    }
    Ok(Applied::Applied { status: told.status, fill })
}

/// What the filled quantity grew by, and what that cost.
struct Growth {
    qty: Decimal,
    price: Decimal,
    average: Decimal,
}

/// Returns what was filled since; fails, in words, when the news says nothing about its price.
fn growth(order: &Order, seen: &Seen<'_>) -> Result<Option<Growth>, String> {
    let (old, new) = (order.filled_qty, seen.order.filled_qty);
    if new > MAX_QTY {
        return Err(format!("{new} shares filled, more than any order may have"));
    }
    let qty = new - old;
    if qty <= Decimal::ZERO {
        return Ok(None);
    }
    // Beyond the bounds of any order an amount is a mistake, and sums of it would overflow.
    let sensible = |price: &Decimal| *price > Decimal::ZERO && *price <= MAX_PRICE;
    let spent = match (old.is_zero(), order.filled_avg_price) {
        (true, _) => Some(Decimal::ZERO),
        (false, average) => average.and_then(|average| average.checked_mul(old)),
    }
    .ok_or_else(|| format!("no price is known of {old} shares filled before"))?;
    let executed = seen.execution.as_ref().filter(|execution| execution.qty == qty).map(|e| e.price);
    let derived = seen.order.filled_avg_price.and_then(|average| {
        let cost = average.checked_mul(new)?.checked_sub(spent)?;
        Some(cost.checked_div(qty)?.round_dp(PRICE_DECIMALS))
    });
    let price = executed
        .or(derived)
        .filter(sensible)
        .ok_or_else(|| format!("{qty} shares filled without a price that makes sense"))?;
    let average = seen
        .order
        .filled_avg_price
        .or_else(|| {
            let cost = price.checked_mul(qty)?.checked_add(spent)?;
            Some(cost.checked_div(new)?.round_dp(PRICE_DECIMALS))
        })
        .filter(sensible)
        .ok_or_else(|| format!("{new} shares filled at an average price that makes no sense"))?;
    Ok(Some(Growth { qty, price, average }))
}

async fn taken(conn: &mut PgConnection, id: Uuid, broker_order_id: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (select from orders
                           where broker_order_id = $1 and order_id <> $2) as "taken!""#,
        broker_order_id,
        id
    )
    .fetch_one(conn)
    .await
}

async fn advance_row(
    conn: &mut PgConnection,
    order: &Order,
    seen: &Seen<'_>,
    growth: Option<&Growth>,
) -> sqlx::Result<()> {
    let told = seen.order;
    sqlx::query!(
        "update orders
            set status = $3, filled_qty = $4, filled_avg_price = coalesce($5, filled_avg_price),
                broker_order_id = coalesce(broker_order_id, $6),
                broker_updated_at = greatest(broker_updated_at, $7),
                submitted_at = coalesce(submitted_at, $8),
                filled_at = case when $3 = 'filled' then coalesce($9, $7) end,
                expired_at = case when $3 = 'expired' then $7 end,
                canceled_at = case when $3 = 'canceled' then $7 end,
                failed_at = case when $3 = 'rejected' then $7 end,
                raw = $10, updated_at = clock_timestamp()
          where order_id = $1
            and status = $2",
        order.id,
        order.status.as_str(),
        told.status.as_str(),
        told.filled_qty,
        growth.map(|growth| growth.average),
        told.id,
        told.updated_at,
        told.submitted(),
        told.filled_at,
        told.raw
    )
    .execute(conn)
    .await?;
    Ok(())
}

async fn record_fill(
    conn: &mut PgConnection,
    order: &Order,
    seen: &Seen<'_>,
    growth: &Growth,
    source: Source,
) -> sqlx::Result<Uuid> {
    let execution = seen.execution.as_ref().filter(|execution| execution.qty == growth.qty);
    let occurred_at =
        execution.map(|execution| execution.at).or(seen.order.filled_at).unwrap_or(seen.order.updated_at);
    let change = positions::Change {
        user_id: order.user_id,
        symbol: &order.symbol,
        side: order.side,
        qty: growth.qty,
        price: growth.price,
        at: occurred_at,
    };
    let after = positions::fill(conn, &change).await?;
    fills::insert(
        conn,
        &NewFill {
            order_id: order.id,
            change: &change,
            realized_pnl: after.realized_pnl,
            position_qty: after.qty,
            source,
            broker_execution_id: execution.and_then(|execution| execution.id.as_deref()),
        },
    )
    .await
}
