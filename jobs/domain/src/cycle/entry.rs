//! Whether a decision may become an order, and of how many shares.

use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};

use crate::{decision::Action, order::words::words};

/// Shares that cost less than this, in US dollars, are not bought.
pub const PENNY_STOCK: Decimal = Decimal::from_parts(5, 0, 0, false, 0);
/// Adding to a position needs so much more confidence than entering it.
const ADDING_NEEDS: Decimal = Decimal::from_parts(1, 0, 0, false, 1);
/// Of the size of an entry, that of an addition.
const ADDING_SIZE: Decimal = Decimal::from_parts(5, 0, 0, false, 1);

/// What the rules look at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Entry {
    /// What is proposed.
    pub action: Action,
    /// How sure it is, 0 to 1.
    pub confidence: Decimal,
    /// The least that is acted on.
    pub min_confidence: Decimal,
    /// What a share costs, in US dollars.
    pub price: Decimal,
    /// Whether the user approved the candidate.
    pub approved: bool,
    /// What is held of it.
    pub held: Held,
    /// Whether an order in it is open.
    pub open_order: bool,
}

/// A position as the rules see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// Nothing.
    None,
    /// Shares.
    Long,
    /// Shares that are owed.
    Short,
}

impl Held {
    /// Returns how `quantity` shares, below zero when short, are held.
    pub fn of(quantity: Decimal) -> Self {
        if quantity.is_zero() {
            Self::None
        } else if quantity.is_sign_positive() {
            Self::Long
        } else {
            Self::Short
        }
    }
}

/// Why a decision does not become an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Obstacle {
    /// It proposes nothing.
    Hold,
    /// It is not sure enough.
    Confidence,
    /// The user did not approve the candidate.
    CandidateApproval,
    /// The share costs too little.
    PennyStock,
    /// There is nothing to sell.
    NoPosition,
    /// The position is short: it is left by its exits alone.
    ShortPosition,
    /// It is held already, and not sure enough to be added to.
    AddingConfidence,
    /// An order in it is open.
    OpenOrder,
    /// Not even one share fits.
    TooSmall,
}

words!(Obstacle, "obstacle", {
    Hold => "hold",
    Confidence => "confidence",
    CandidateApproval => "candidate_approval",
    PennyStock => "penny_stock",
    NoPosition => "no_position",
    ShortPosition => "short_position",
    AddingConfidence => "adding_confidence",
    OpenOrder => "open_order",
    TooSmall => "too_small",
});

/// Returns the part of an entry's size that may be ordered: all of it, or half when a position is
/// added to.
///
/// A sale leaves a position: it needs neither approval nor a dear share, and an order that rests in
/// the symbol does not keep it from being left.
pub fn check(entry: &Entry) -> Result<Decimal, Obstacle> {
    if entry.action == Action::Hold {
        return Err(Obstacle::Hold);
    }
    if entry.confidence < entry.min_confidence {
        return Err(Obstacle::Confidence);
    }
    if entry.action == Action::Sell {
        return match entry.held {
            Held::Long => Ok(Decimal::ONE),
            Held::None => Err(Obstacle::NoPosition),
            Held::Short => Err(Obstacle::ShortPosition),
        };
    }
    let adding = entry.held == Held::Long;
    let obstacles = [
        (!entry.approved, Obstacle::CandidateApproval),
        (entry.price < PENNY_STOCK, Obstacle::PennyStock),
        (entry.held == Held::Short, Obstacle::ShortPosition),
        (entry.open_order, Obstacle::OpenOrder),
        (adding && entry.confidence < entry.min_confidence + ADDING_NEEDS, Obstacle::AddingConfidence),
    ];
    match obstacles.into_iter().find(|(met, _)| *met) {
        Some((_, obstacle)) => Err(obstacle),
        None if adding => Ok(ADDING_SIZE),
        None => Ok(Decimal::ONE),
    }
}

/// Returns the whole shares that `part` of an entry comes to: the smaller of what was suggested and
/// what is allowed, both as fractions of `portfolio`, in US dollars. `None` when that is not one.
pub fn shares(
    suggested: Decimal,
    cap: Decimal,
    part: Decimal,
    portfolio: Decimal,
    price: Decimal,
) -> Option<Decimal> {
    let fraction = suggested.min(cap).min(Decimal::ONE);
    if price <= Decimal::ZERO {
        return None;
    }
    let money = portfolio.checked_mul(fraction)?.checked_mul(part)?;
    let shares = money.checked_div(price)?.round_dp_with_strategy(0, RoundingStrategy::ToZero);
    (shares >= Decimal::ONE).then_some(shares)
}
