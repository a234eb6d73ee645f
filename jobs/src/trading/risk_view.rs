//! Everything the gates look at, read from what workers keep fresh.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    market_hours::session_at,
    order::{Amount, OrderClass, OrderRequest, OrderStatus},
    risk::{
        self, Account, Asset, Effect, Holding, Limits, Lock, LockScope, Market, OpenOrder, Quote,
        RecentOrder, RiskView, Stage, TradingState, Verdict,
    },
};
use rust_decimal::Decimal;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::db::{
    broker_state::{self, State},
    orders::{self, Order, Origin},
    positions,
    risk::{Settings, locks, platform, settings},
};

/// A view of the account that is older is none, by stage.
const ACCOUNT_AGE: (Duration, Duration) = (Duration::from_mins(5), Duration::from_secs(30));
/// A clock that was read longer ago is none.
const CLOCK_AGE: TimeDelta = TimeDelta::minutes(5);
/// A price that was asked for longer ago is too old to judge by.
const PRICE_AGE: TimeDelta = TimeDelta::seconds(60);
/// The most open orders that are looked at.
const OPEN_ORDERS: i64 = 1000;

/// An order to be judged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gate<'a> {
    /// Whose.
    pub(crate) user_id: Uuid,
    /// What is asked for.
    pub(crate) request: &'a OrderRequest,
    /// Where it comes from.
    pub(crate) origin: Origin,
    /// Its row, once there is one.
    pub(crate) order: Option<&'a Order>,
    /// The order that it is to take the place of: it counts as gone.
    pub(crate) replaces: Option<Uuid>,
    /// Whether the symbol's other orders are canceled before it is sent: they count as gone, except
    /// for halted ones, which are left to an operator.
    pub(crate) clears: bool,
    /// When it is judged.
    pub(crate) at: Stage,
}

/// Judges an order by what is known now; returns what it does to the position, too, if that can
/// be told.
///
/// A liquidation passes its owner's kill switch, which went on with it; nothing else does.
pub(crate) async fn gate(
    conn: &mut PgConnection,
    gate: &Gate<'_>,
) -> sqlx::Result<(Verdict, Option<Effect>)> {
    let view = view(conn, gate).await?;
    Ok((risk::check(gate.request, gate.at, &view), risk::effect(gate.request, &view).ok()))
}

async fn view(conn: &mut PgConnection, gate: &Gate<'_>) -> sqlx::Result<RiskView> {
    let now = Utc::now();
    let settings = settings(conn, gate.user_id).await?;
    let platform = platform(conn).await?.trading_state;
    let state = broker_state::state(conn).await?;
    let open = open_orders(conn, gate).await?;
    let held = positions::list(conn, gate.user_id).await?;
    let prices = Prices::read(conn, gate, &open, &held).await?;
    let window = TimeDelta::seconds(settings.duplicate_window_s.into());
    let created_at = gate.order.map_or(now, |order| order.created_at);
    let symbol = &gate.request.symbol;
    let asset = broker_state::asset(conn, symbol).await?;
    let locks = locks(conn, gate.user_id).await?;
    Ok(RiskView {
        now,
        order_created_at: created_at,
        trading: stricter(settings.trading_state, platform),
        kill_switch: settings.kill_switch && gate.origin != Origin::Liquidation,
        locks: locks.into_iter().map(lock).collect(),
        limits: limits(&settings, window),
        account: account(&state, gate.at),
        positions: Some(
            held.iter()
                .map(|held| Holding {
                    symbol: held.symbol.clone(),
                    quantity: held.qty,
                    market_value: held.qty
                        * prices.of(&held.symbol).map_or(held.avg_entry_price, |quote| quote.price),
                })
                .collect(),
        ),
        open_orders: open.iter().map(|order| open_order(order, &prices, &state)).collect(),
        recent_orders: recent_orders(conn, gate, created_at, window).await?,
        asset: asset.map(|asset| Asset {
            active: asset.known,
            tradable: asset.tradable,
            fractionable: asset.fractionable,
            shortable: asset.shortable,
        }),
        market: market(&state, now),
        last_price: prices.of(symbol),
        max_price_age: PRICE_AGE,
    })
}

fn limits(settings: &Settings, window: TimeDelta) -> Limits {
    Limits {
        max_position_percent: settings.max_position_size_percent,
        max_exposure_percent: settings.max_total_exposure_percent,
        max_positions: u32::try_from(settings.max_positions_count).unwrap_or_default(),
        daily_loss_percent: settings.daily_loss_limit_percent,
        max_notional: settings.max_notional,
        price_collar_percent: Some(settings.price_collar_percent),
        duplicate_window: window,
        allow_short: settings.allow_short,
        queue_outside_hours: true,
    }
}

fn stricter(user: TradingState, platform: TradingState) -> TradingState {
    match (user, platform) {
        (TradingState::Halted, _) | (_, TradingState::Halted) => TradingState::Halted,
        (TradingState::Reducing, _) | (_, TradingState::Reducing) => TradingState::Reducing,
        (TradingState::Active, TradingState::Active) => TradingState::Active,
    }
}

fn lock(lock: crate::db::risk::Lock) -> Lock {
    let scope = lock.symbol.map_or(LockScope::All, LockScope::Symbol);
    Lock { scope, until: lock.until, reason: lock.reason }
}

fn account(state: &State, at: Stage) -> Option<Account> {
    let oldest = if at == Stage::Acceptance { ACCOUNT_AGE.0 } else { ACCOUNT_AGE.1 };
    let account = state.account.as_ref().filter(|_| state.age.is_some_and(|age| age <= oldest))?;
    Some(Account {
        equity: account.equity,
        last_equity: account.last_equity,
        cash: account.cash,
        buying_power: account.buying_power,
        daytrade_count: account.daytrade_count,
        pattern_day_trader: account.pattern_day_trader,
        trading_blocked: account.trading_blocked
            || account.account_blocked
            || account.trade_suspended_by_user,
        shorting_enabled: account.shorting_enabled,
    })
}

/// Returns the market at the broker's own time, which goes on from when its clock was read.
fn market(state: &State, now: DateTime<Utc>) -> Option<Market> {
    let (clock, read_at) = (state.clock.as_ref()?, state.clock_at?);
    let since = (now - read_at).max(TimeDelta::zero());
    if since > CLOCK_AGE {
        return None;
    }
    let at = state.market_time(now)?;
    let is_open = if clock.is_open { at < clock.next_close } else { at >= clock.next_open };
    Some(Market { is_open, session: session_at(at) })
}

/// Reads the open orders that count: not the judged one, not those that it replaces, and of
/// legs that cancel each other one, once their entry is filled.
async fn open_orders(conn: &mut PgConnection, gate: &Gate<'_>) -> sqlx::Result<Vec<Order>> {
    let open = orders::open(conn, Some(gate.user_id), OPEN_ORDERS).await?;
    let judged = gate.order.map(|order| order.id);
    let parents: BTreeSet<Uuid> = open.iter().map(|order| order.id).collect();
    let mut counted = BTreeSet::new();
    let counts = |order: &Order| {
        if Some(order.id) == judged || Some(order.id) == gate.replaces {
            return false;
        }
        if gate.clears && order.symbol == gate.request.symbol && order.status != OrderStatus::Halted {
            return false;
        }
        // What is to take the place of another order counts only once it has.
        if order.replaces_order_id.is_some() && !order.status.is_brokers() {
            return false;
        }
        match order.parent_order_id {
            Some(parent) => !parents.contains(&parent) && counted.insert(parent),
            None => true,
        }
    };
    let mut open = open;
    open.retain(counts);
    Ok(open)
}

fn open_order(order: &Order, prices: &Prices, state: &State) -> OpenOrder {
    let last = prices.of(&order.symbol).map(|quote| quote.price);
    let request = order.request();
    let remaining = order.remaining().unwrap_or_else(|| {
        let shares = risk::order_quantity(&request, last).unwrap_or_default();
        (shares - order.filled_qty).max(Decimal::ZERO)
    });
    let rest = OrderRequest {
        amount: match request.amount {
            Amount::Units(_) => Amount::Units(remaining),
            money @ Amount::Notional(_) => money,
        },
        ..request
    };
    // An order that the broker took after the account was read is not in that account's figures.
    let counted = order.last_sent_at.zip(state.synced_at).is_none_or(|(sent, synced)| sent < synced);
    OpenOrder {
        symbol: order.symbol.clone(),
        side: order.side,
        remaining,
        value: risk::order_value(&rest, last).unwrap_or_default(),
        limit_price: order.limit_price,
        reduces: order.reduces || order.class == OrderClass::Oco,
        at_broker: order.status.is_brokers() && order.status != OrderStatus::Held && counted,
    }
}

async fn recent_orders(
    conn: &mut PgConnection,
    gate: &Gate<'_>,
    created_at: DateTime<Utc>,
    window: TimeDelta,
) -> sqlx::Result<Vec<RecentOrder>> {
    // What closes takes no more than is held and free: an earlier order, which may have been canceled
    // for it, is none that it could repeat.
    if gate.replaces.is_some() || gate.origin.closes() {
        return Ok(Vec::new());
    }
    let OrderRequest { symbol, side, .. } = gate.request;
    let since = created_at - window;
    let similar = orders::similar_since(conn, gate.user_id, symbol, *side, since).await?;
    // Nobody gave the legs that the broker made: leaving a position beside them repeats nothing.
    let earlier = similar.into_iter().filter(|order| order.origin != Origin::Broker).filter(|order| {
        gate.order.is_none_or(|judged| (order.created_at, order.id) < (judged.created_at, judged.id))
    });
    let recent = earlier.map(|order| RecentOrder {
        symbol: order.symbol.clone(),
        side: order.side,
        amount: order.request().amount,
        created_at: order.created_at,
    });
    Ok(recent.collect())
}

/// The last prices of the symbols that matter.
struct Prices(BTreeMap<String, Quote>);

impl Prices {
    async fn read(
        conn: &mut PgConnection,
        gate: &Gate<'_>,
        open: &[Order],
        held: &[positions::Position],
    ) -> sqlx::Result<Self> {
        let symbols: BTreeSet<String> = open
            .iter()
            .map(|order| order.symbol.clone())
            .chain(held.iter().map(|held| held.symbol.clone()))
            .chain([gate.request.symbol.clone()])
            .collect();
        let symbols: Vec<String> = symbols.into_iter().collect();
        // A quiet market's last trade is old and still the last one: what counts is when we asked.
        let rows = broker_state::prices(conn, &symbols).await?;
        Ok(Self(
            rows.into_iter().map(|row| (row.symbol, Quote { price: row.price, at: row.seen_at })).collect(),
        ))
    }

    fn of(&self, symbol: &str) -> Option<Quote> {
        self.0.get(symbol).copied()
    }
}
