//! Words of the domain in columns of text.

use std::str::FromStr;

use sqlx::{Decode, Postgres, error::BoxDynError, postgres::PgValueRef};

/// Decodes a word of a closed list; a word that is not in it is an error of the row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Word<T>(T);

impl<'r, T> Decode<'r, Postgres> for Word<T>
where
    T: FromStr,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        Ok(Self(<&str as Decode<Postgres>>::decode(value)?.parse()?))
    }
}

/// Lets the checked macros put the words where they belong.
macro_rules! decoded {
    ($($word:ty),+ $(,)?) => {
        $(impl From<Word<$word>> for $word {
            fn from(word: Word<$word>) -> Self {
                word.0
            }
        })+
    };
}

decoded!(
    domain::order::OrderClass,
    domain::order::OrderStatus,
    domain::order::OrderType,
    domain::order::Side,
    domain::order::TimeInForce,
    super::fills::Source,
    super::orders::Origin,
    super::risk::TradingState,
    super::reconciliations::Trigger,
    super::reconciliations::Outcome,
    domain::cycle::DecisionOrigin,
    domain::cycle::DecisionStatus,
    domain::cycle::Mode,
    domain::universe::CandidateStatus,
    domain::universe::Tier,
);

/// Decodes a word as serde knows it, for words without a parser of their own.
#[derive(Debug, Clone, Copy)]
pub(super) struct Named<T>(T);

impl<'r, T: serde::de::DeserializeOwned> Decode<'r, Postgres> for Named<T> {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        let word = <&str as Decode<Postgres>>::decode(value)?;
        Ok(Self(serde_json::from_value(word.into())?))
    }
}

impl From<Named<domain::decision::Action>> for domain::decision::Action {
    fn from(word: Named<Self>) -> Self {
        word.0
    }
}

impl From<Named<domain::decision::RiskLevel>> for domain::decision::RiskLevel {
    fn from(word: Named<Self>) -> Self {
        word.0
    }
}
