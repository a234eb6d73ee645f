//! The gates between a decision and its order; those of risk come after them.

use chrono::{TimeDelta, Utc};
use domain::{
    cycle::{Controls, Entry, Held, check, day_start},
    decision::Action,
};
use rust_decimal::Decimal;
use sqlx::PgConnection;

use super::{
    controls::{self, Standing},
    orders::PATIENCE,
    sizing::{self, Size},
};
use crate::db::{
    agents::Agent,
    cycles,
    decisions::{self, Decision, GateRecord},
    market_cache, orders as order_rows, positions,
};

/// More confidence that a conservative agent asks for.
const CONSERVATIVE_NEEDS: Decimal = Decimal::from_parts(1, 0, 0, false, 1);

/// A price that was asked for longer ago is too old to buy by.
const YOUNG: TimeDelta = TimeDelta::minutes(15);

/// What the gates said.
pub(super) struct Judged {
    /// Each that was met, in order; the last is the one that held it back.
    pub(super) met: Vec<GateRecord>,
    /// What to order, or the gate and its words.
    pub(super) verdict: Result<Size, (String, String)>,
}

impl GateRecord {
    /// Returns the record of a gate that is met now.
    pub(crate) fn new(gate: &str, passed: bool, message: &str) -> Self {
        Self { gate: gate.to_owned(), passed, message: message.to_owned(), at: Utc::now() }
    }
}

/// Gates that are met one after the other.
#[derive(Default)]
struct Met(Vec<GateRecord>);

impl Met {
    fn pass(&mut self, gate: &str, message: &str) {
        self.0.push(GateRecord::new(gate, true, message));
    }

    /// Notes the gate that holds the decision back, and returns the verdict.
    fn refuse(mut self, gate: &str, message: &str) -> Judged {
        self.0.push(GateRecord::new(gate, false, message));
        Judged { met: self.0, verdict: Err((gate.to_owned(), message.to_owned())) }
    }
}

/// Asks every gate about a locked decision, `asked` for by its user or not, until one holds it back. The
/// controls stay as they were found until the transaction ends.
pub(super) async fn judge(conn: &mut PgConnection, decision: &Decision, asked: bool) -> sqlx::Result<Judged> {
    let user_id = decision.user_id;
    let Standing { agent, settings, controls } = controls::hold(conn, user_id).await?;
    let mut met = Met::default();
    if let Err((gate, message)) = allowed(controls, decision, asked) {
        return Ok(met.refuse(gate, message));
    }
    met.pass("controls", if asked { "its user asked for it" } else { "the agent acts by itself" });
    let age = (Utc::now() - decision.created_at).to_std().unwrap_or_default();
    if age > PATIENCE {
        return Ok(met.refuse("age", "the decision is too old to be acted on"));
    }
    let ordered = decisions::ordered_today(conn, user_id, day_start(Utc::now())).await?;
    if ordered >= agent.max_orders_per_day.into() {
        let message = format!("the day's {} orders are made", agent.max_orders_per_day);
        return Ok(met.refuse("orders_per_day", &message));
    }
    met.pass("orders_per_day", &format!("{ordered} of {} orders are made", agent.max_orders_per_day));
    let held = positions::of_symbol(conn, user_id, &decision.symbol).await?;
    let entry = entry(conn, decision, &agent, asked, held.as_ref()).await?;
    let part = match check(&entry) {
        Ok(part) => part,
        Err(obstacle) => return Ok(met.refuse(obstacle.as_str(), &words(&entry, &decision.symbol, obstacle))),
    };
    if decision.action == Action::Buy {
        met.pass("candidate_approval", "its user approved the candidate");
    }
    met.pass("entry", "the rules of entries let it pass");
    if decision.action == Action::Sell {
        return Ok(Judged { met: met.0, verdict: Ok(Size::Leave) });
    }
    let Some(price) = price(conn, decision).await? else {
        return Ok(met.refuse("price", "there is no fresh price"));
    };
    if decision.stop_loss.is_some_and(|stop| price <= stop)
        || decision.target_price.is_some_and(|target| price >= target)
    {
        return Ok(
            met.refuse("price", &format!("a share costs {price} by now, outside the decision's levels"))
        );
    }
    let wish = sizing::Wish { decision, price, part };
    match sizing::buy(conn, &wish, &agent, &settings, held.as_ref()).await? {
        Ok(request) => Ok(Judged { met: met.0, verdict: Ok(Size::Buy(Box::new(request))) }),
        Err((gate, message)) => Ok(met.refuse(gate, &message)),
    }
}

/// Returns what a share costs by the newest quote, or by the decision's own while that is young.
async fn price(conn: &mut PgConnection, decision: &Decision) -> sqlx::Result<Option<Decimal>> {
    let quotes = market_cache::quotes(conn, std::slice::from_ref(&decision.symbol)).await?;
    let quote = quotes.into_iter().find(|quote| Utc::now() - quote.fetched_at <= YOUNG);
    let own = decision.entry_price.filter(|_| Utc::now() - decision.created_at <= YOUNG);
    Ok(quote.map(|quote| quote.price).or(own))
}

/// Answers whether the controls let the decision through; one that its user asks for needs no running
/// agent.
fn allowed(controls: Controls, decision: &Decision, asked: bool) -> Result<(), (&'static str, &'static str)> {
    let standing = if asked { Controls { running: true, paused: false, ..controls } } else { controls };
    if let Some(stop) = standing.stop() {
        return Err((stop.as_str(), "a control stops it"));
    }
    if !asked && !standing.acts() {
        return Err(("mode", "the agent does not act by itself"));
    }
    if decision.action == Action::Buy && !standing.may_enter() {
        return Err(("trading_reducing", "positions are only reduced"));
    }
    Ok(())
}

async fn entry(
    conn: &mut PgConnection,
    decision: &Decision,
    agent: &Agent,
    asked: bool,
    held: Option<&positions::Position>,
) -> sqlx::Result<Entry> {
    let (user_id, symbol) = (decision.user_id, decision.symbol.as_str());
    let open = order_rows::open_of_symbol(conn, user_id, symbol).await?;
    let more = if agent.conservative_mode { CONSERVATIVE_NEEDS } else { Decimal::ZERO };
    Ok(Entry {
        action: decision.action,
        confidence: decision.confidence,
        // Whoever asks for it has judged by himself.
        min_confidence: if asked { Decimal::ZERO } else { agent.min_confidence + more },
        price: decision.entry_price.unwrap_or_default(),
        approved: cycles::approved(conn, user_id, symbol).await?,
        held: held.map_or(Held::None, |held| Held::of(held.qty)),
        // Legs belong to a position rather than to a wish for one.
        open_order: open.iter().any(|order| order.parent_order_id.is_none())
            || decision.action == Action::Buy && decisions::exiting(conn, user_id, symbol).await?,
    })
}

fn words(entry: &Entry, symbol: &str, obstacle: domain::cycle::Obstacle) -> String {
    use domain::cycle::Obstacle as O;
    match obstacle {
        O::Hold => "there is nothing to do".into(),
        O::Confidence => format!("confidence {} is below {}", entry.confidence, entry.min_confidence),
        O::CandidateApproval => format!("{symbol} is not an approved candidate of its user"),
        O::PennyStock => format!("a share costs {}, less than {}", entry.price, domain::cycle::PENNY_STOCK),
        O::NoPosition => format!("there is no position in {symbol} to sell"),
        O::ShortPosition => format!("the position in {symbol} is short"),
        O::AddingConfidence => {
            format!("confidence {} does not suffice to add to a position", entry.confidence)
        }
        O::OpenOrder => format!("an order in {symbol} is open"),
        O::TooSmall => "not even one share fits".into(),
    }
}
