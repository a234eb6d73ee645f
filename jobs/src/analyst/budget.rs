//! What a call may cost: reserved before it is made, settled when it is over.
//!
//! A reservation is the most that the call can take, so all calls together never pass a day's
//! budget. What is not settled, because the process died or the outcome is unknown, counts as spent.

use std::time::Duration;

use rust_decimal::Decimal;
use sqlx::PgPool;
use tokio::time::timeout;
use tracing::warn;

use super::model::{Prompt, Usage};
use crate::{
    config::AnalystProvider,
    db::llm::{self, Amount, Reservation},
};

/// The longest that the database may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// The purse of one provider.
#[derive(Debug, Clone)]
pub(super) struct Purse {
    provider: &'static str,
    most: Amount,
    input_price: Decimal,
    output_price: Decimal,
    pool: PgPool,
}

/// What a call has taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// Nothing: it never counted.
    Nothing,
    /// What the provider says.
    Used(Usage),
    /// Nobody knows, so all that was reserved.
    Unknown,
}

impl Purse {
    /// Returns the purse of `provider` with a day's budget.
    pub(super) fn new(provider: &'static str, settings: &AnalystProvider, pool: PgPool) -> Self {
        Self {
            provider,
            most: Amount {
                tokens: i64::try_from(settings.daily_tokens).unwrap_or(i64::MAX),
                cost: settings.daily_cost_usd,
            },
            input_price: settings.input_price_usd,
            output_price: settings.output_price_usd,
            pool,
        }
    }

    /// Sets aside what `prompt` can take at most; otherwise says why not.
    pub(super) async fn reserve(&self, prompt: &Prompt) -> Result<Reservation, String> {
        let (input, output) = prompt.most_tokens();
        let amount = self.amount(Usage { input, output });
        let reserve =
            async { llm::reserve(&mut *self.pool.acquire().await?, self.provider, amount, self.most).await };
        match timeout(PATIENCE, reserve).await {
            Ok(Ok(Some(reservation))) => Ok(reservation),
            Ok(Ok(None)) => Err("today's budget is used up".into()),
            Ok(Err(error)) => Err(format!("the budget can't be read: {error}")),
            Err(_) => Err("the budget can't be read in time".into()),
        }
    }

    /// Puts what was `taken` in place of the reservation, and returns what it cost, in USD.
    pub(super) async fn settle(&self, reservation: &Reservation, taken: Taken) -> Decimal {
        let amount = match taken {
            Taken::Nothing => Amount { tokens: 0, cost: Decimal::ZERO },
            Taken::Used(usage) => self.amount(usage),
            Taken::Unknown => return reservation.amount.cost,
        };
        let settle = async {
            let mut conn = self.pool.acquire().await?;
            llm::settle(&mut conn, self.provider, reservation, amount, taken != Taken::Nothing).await
        };
        let provider = self.provider;
        match timeout(PATIENCE, settle).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                warn!(provider, %error, "could not settle a call of {provider}; it counts as reserved");
            }
            Err(_) => warn!(provider, "could not settle a call of {provider} in time; it counts as reserved"),
        }
        amount.cost
    }

    fn amount(&self, usage: Usage) -> Amount {
        let money = |tokens: u64, price: Decimal| {
            Decimal::from(tokens).checked_mul(price).unwrap_or(Decimal::MAX) / Decimal::from(1_000_000)
        };
        let cost = money(usage.input, self.input_price)
            .checked_add(money(usage.output, self.output_price))
            .unwrap_or(Decimal::MAX);
        let tokens = i64::try_from(usage.input.saturating_add(usage.output)).unwrap_or(i64::MAX);
        Amount { tokens, cost }
    }
}
