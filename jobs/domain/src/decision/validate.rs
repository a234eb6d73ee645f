//! Which proposals make sense at a price.

use rust_decimal::Decimal;

use super::parse::{CONFIDENCE, LARGEST, QUANTITY, REASONING, STOP, TARGET, TRAILING, is_invisible};
use super::{Action, Proposal, ProposalError};

/// The most characters of a reasoning.
pub const MAX_REASONING: usize = 2_000;

const QUANTITIES: (Decimal, Decimal) = (hundredths(1), hundredths(25));
const TRAILINGS: (Decimal, Decimal) = (hundredths(50), hundredths(2_000));
const HALF: Decimal = hundredths(50);

const fn hundredths(count: u32) -> Decimal {
    Decimal::from_parts(count, 0, 0, false, 2)
}

impl Proposal {
    /// Returns the first thing that makes no sense when the last price is `price`, or nothing.
    ///
    /// A buy needs a quantity, a stop and a target: half the price < stop < price < target < twice
    /// the price. A sell leaves a position, so it needs none of them; if it names a stop or target
    /// they lie the other way round. A hold has no quantity. The bounds on stop and target keep out
    /// levels that belong to another symbol or to a price before a split.
    pub fn validate(&self, price: Decimal) -> Result<(), ProposalError> {
        if price <= Decimal::ZERO || price > LARGEST {
            return Err(ProposalError::Price { value: price, max: LARGEST });
        }
        within(CONFIDENCE, Some(self.confidence), (Decimal::ZERO, Decimal::ONE))?;
        let length = self.reasoning.chars().filter(|l| !l.is_control() && !is_invisible(*l)).count();
        if length > MAX_REASONING || self.reasoning.trim().is_empty() || length == 0 {
            return Err(ProposalError::Length { field: REASONING, length, max: MAX_REASONING });
        }
        within(QUANTITY, self.suggested_quantity, QUANTITIES)?;
        within(TRAILING, self.trailing_stop_percent, TRAILINGS)?;
        let (below, above) = ((price * HALF, price), (price, price * Decimal::TWO));
        let (stop, target) = match self.action {
            Action::Buy => {
                present(QUANTITY, self.suggested_quantity)?;
                present(STOP, self.stop_loss)?;
                present(TARGET, self.target_price)?;
                (below, above)
            }
            Action::Sell => (above, below),
            Action::Hold => {
                if let Some(value) = self.suggested_quantity {
                    return Err(ProposalError::NotOnHold { field: QUANTITY, value });
                }
                // Levels to watch from either side, but still prices of this symbol.
                ((below.0, above.1), (below.0, above.1))
            }
        };
        between(STOP, self.stop_loss, stop)?;
        between(TARGET, self.target_price, target)
    }
}

fn present(field: &'static str, value: Option<Decimal>) -> Result<(), ProposalError> {
    value.map(|_| ()).ok_or(ProposalError::Missing { field })
}

fn within(
    field: &'static str,
    value: Option<Decimal>,
    (min, max): (Decimal, Decimal),
) -> Result<(), ProposalError> {
    match value {
        Some(value) if value < min || value > max => {
            Err(ProposalError::OutOfRange { field, value, min, max })
        }
        _ => Ok(()),
    }
}

fn between(
    field: &'static str,
    value: Option<Decimal>,
    (above, below): (Decimal, Decimal),
) -> Result<(), ProposalError> {
    match value {
        Some(value) if value <= above || value >= below => {
            Err(ProposalError::WrongSide { field, value, above, below })
        }
        _ => Ok(()),
    }
}
