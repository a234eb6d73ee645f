//! A position: signed shares, their average price, and what was opened today.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::terms::Side;

/// Shares of one symbol held; never zero while it exists.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// Shares, negative when short.
    pub qty: Decimal,
    /// The average price of the opening fills.
    pub avg_entry_price: Decimal,
    /// The last date on which shares were opened.
    pub opened_on: NaiveDate,
    /// How many of the shares (never negative) were opened on that date.
    pub opened_qty: Decimal,
    /// What those cost, never negative.
    pub opened_value: Decimal,
}

impl Position {
    /// Returns the position after a fill, or `None` when it is closed by it.
    ///
    /// Openings move the average, closings do not. A fill larger than an opposite position
    /// closes it and opens the rest the other way.
    pub fn after(
        held: Option<&Self>,
        side: Side,
        qty: Decimal,
        price: Decimal,
        date: NaiveDate,
    ) -> Option<Self> {
        let change = side.signed(qty);
        let fresh = |qty: Decimal| Self {
            qty,
            avg_entry_price: price,
            opened_on: date,
            opened_qty: qty.abs(),
            opened_value: qty.abs() * price,
        };
        let Some(held) = held else { return Some(fresh(change)) };
        let total = held.qty + change;
        if total.is_zero() {
            return None;
        }
        if held.qty.is_sign_positive() == change.is_sign_positive() {
            let (today_qty, today_value) = held.opened_at(date);
            let cost = held.qty.abs() * held.avg_entry_price + qty * price;
            return Some(Self {
                qty: total,
                avg_entry_price: (cost / total.abs()).round_dp(12),
                opened_on: date,
                opened_qty: today_qty + qty,
                opened_value: today_value + qty * price,
            });
        }
        if total.is_sign_positive() != held.qty.is_sign_positive() {
            return Some(fresh(total));
        }
        // First in, first out: what was held overnight is closed first.
        let (today_qty, today_value) = held.opened_at(date);
        let left = today_qty.min(total.abs());
        let value = if today_qty.is_zero() { Decimal::ZERO } else { today_value / today_qty * left };
        Some(Self {
            qty: total,
            opened_qty: left,
            opened_value: value.round_dp(12),
            opened_on: date,
            ..held.clone()
        })
    }

    /// Returns shares opened on `date` and their cost.
    pub fn opened_at(&self, date: NaiveDate) -> (Decimal, Decimal) {
        if self.opened_on == date {
            (self.opened_qty, self.opened_value)
        } else {
            (Decimal::ZERO, Decimal::ZERO)
        }
    }

    /// Returns the side that closes it.
    pub fn closing_side(&self) -> Side {
        if self.qty.is_sign_positive() { Side::Sell } else { Side::Buy }
    }

    /// Returns what the position cost, negative when short.
    pub fn cost_basis(&self) -> Decimal {
        self.qty * self.avg_entry_price
    }
}
