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
);
