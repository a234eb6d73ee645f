//! How easily a share is bought and sold again.

use std::str::FromStr;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{bars::Series, order::UnknownWord};

/// Below this price in USD a share is a penny stock, which no agent buys.
pub const PENNY_STOCK_BELOW: Decimal = Decimal::from_parts(5, 0, 0, false, 0);

/// Classes of liquidity, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Tier {
    /// 50 million USD a day, a spread of 0.25 % at most, 5 USD at least.
    A,
    /// 20 million USD a day, a spread of 0.75 % at most, 3 USD at least.
    B,
    /// All others, and those of which nothing is known.
    C,
}

impl Tier {
    /// Every tier, the best first.
    pub const ALL: [Self; 3] = [Self::A, Self::B, Self::C];

    /// Returns the letter.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::B => "B",
            Self::C => "C",
        }
    }

    /// Returns the liquidity score of its members, 0 to 1.
    pub const fn liquidity_score(self) -> Decimal {
        let tenths = match self {
            Self::A => 10,
            Self::B => 7,
            Self::C => 4,
        };
        Decimal::from_parts(tenths, 0, 0, false, 1)
    }

    /// Returns the tier of a share with `traded_value` in USD a day, `spread_percent` and `price`
    /// in USD. A spread that nobody knows does not count against it.
    pub fn of(traded_value: Decimal, spread_percent: Option<Decimal>, price: Decimal) -> Self {
        let hundredths = |n: u32| Decimal::from_parts(n, 0, 0, false, 2);
        let bounds = [(Self::A, 50_000_000, 25, 5), (Self::B, 20_000_000, 75, 3)];
        let found = bounds.into_iter().find(|&(_, value, spread, least)| {
            traded_value >= Decimal::from(value)
                && spread_percent.is_none_or(|percent| percent <= hundredths(spread))
                && price >= Decimal::from(least)
        });
        found.map_or(Self::C, |(tier, ..)| tier)
    }
}

impl FromStr for Tier {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        let found = Self::ALL.into_iter().find(|tier| tier.as_str() == word);
        found.ok_or_else(|| UnknownWord::new("tier", word))
    }
}

/// Returns whether `price` in USD is a penny stock's.
pub fn is_penny_stock(price: Decimal) -> bool {
    price < PENNY_STOCK_BELOW
}

/// How liquid a share was of late.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Liquidity {
    /// Shares a day.
    pub avg_daily_volume: Decimal,
    /// USD a day.
    pub traded_value: Decimal,
    /// The last close, in USD.
    pub price: Decimal,
    /// The tier that follows from them.
    pub tier: Tier,
}

/// Returns the liquidity over the last `sessions` bars, or `None` when there are fewer than five
/// or they hold a number that no market has.
pub fn liquidity(bars: &Series, sessions: usize, spread_percent: Option<Decimal>) -> Option<Liquidity> {
    let start = bars.len().saturating_sub(sessions);
    let count = bars.len() - start;
    if count < 5 {
        return None;
    }
    let (close, volume) = (&bars.close[start..], &bars.volume[start..]);
    let mean = |sum: f64| Decimal::from_f64_retain(sum / count as f64).map(|value| value.round_dp(2));
    let avg_daily_volume = mean(volume.iter().sum())?;
    let traded_value = mean(close.iter().zip(volume).map(|(price, shares)| price * shares).sum())?;
    let price = Decimal::from_f64_retain(*close.last()?)?.round_dp(4);
    if price <= Decimal::ZERO || avg_daily_volume < Decimal::ZERO {
        return None;
    }
    let tier = Tier::of(traded_value, spread_percent, price);
    Some(Liquidity { avg_daily_volume, traded_value, price, tier })
}
