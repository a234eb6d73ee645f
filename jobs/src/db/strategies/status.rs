//! The life of a strategy: its statuses, and which steps between them are allowed.

use serde::{Deserialize, Serialize};

/// Where a strategy stands. Pure state; what a step needs besides is the caller's to check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Being written.
    Draft,
    /// A back-test is under way.
    Backtesting,
    /// A back-test has finished.
    Backtested,
    /// Trading on paper.
    Paper,
    /// Trading real money.
    Live,
    /// Not trading, may go on.
    Paused,
    /// Not trading, must start over.
    Stopped,
}

/// Where a strategy trades.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// A simulated account.
    Paper,
    /// Real money.
    Live,
}

/// A word in the database that names no status or mode.
#[derive(Debug, thiserror::Error)]
#[error("unknown word {0:?}")]
pub struct UnknownWord(String);

impl Status {
    /// Every status, in the order of a strategy's life.
    pub const ALL: [Self; 7] = [
        Self::Draft,
        Self::Backtesting,
        Self::Backtested,
        Self::Paper,
        Self::Live,
        Self::Paused,
        Self::Stopped,
    ];

    /// Returns the word for the status.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Backtesting => "backtesting",
            Self::Backtested => "backtested",
            Self::Paper => "paper",
            Self::Live => "live",
            Self::Paused => "paused",
            Self::Stopped => "stopped",
        }
    }

    /// Returns whether a strategy may go from here to `next`.
    ///
    /// Draft, backtesting and backtested are labels without effect on trading, which the
    /// wizard moves between freely; the others follow the life cycle.
    pub fn may_become(self, next: Self) -> bool {
        use Status::{Backtested, Backtesting, Draft, Live, Paper, Paused, Stopped};
        self == next
            || match self {
                Draft | Backtesting | Backtested => {
                    matches!(next, Draft | Backtesting | Backtested | Paper | Live)
                }
                Paper => matches!(next, Paused | Stopped | Live),
                Live => matches!(next, Paused | Stopped),
                Paused => matches!(next, Paper | Live | Stopped),
                Stopped => next == Draft,
            }
    }

    /// Returns whether the strategy trades.
    pub fn trades(self) -> bool {
        matches!(self, Self::Paper | Self::Live)
    }
}

impl Mode {
    /// Returns the word for the mode.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Paper => "paper",
            Self::Live => "live",
        }
    }

    /// Returns the status of a strategy that trades in this mode.
    pub const fn status(self) -> Status {
        match self {
            Self::Paper => Status::Paper,
            Self::Live => Status::Live,
        }
    }
}

impl std::str::FromStr for Status {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == word)
            .ok_or_else(|| UnknownWord(word.to_owned()))
    }
}

impl std::str::FromStr for Mode {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        match word {
            "paper" => Ok(Self::Paper),
            "live" => Ok(Self::Live),
            _ => Err(UnknownWord(word.to_owned())),
        }
    }
}

macro_rules! stored_as_text {
    ($($name:ty),*) => {$(
        impl sqlx::Type<sqlx::Postgres> for $name {
            fn type_info() -> sqlx::postgres::PgTypeInfo {
                <&str as sqlx::Type<sqlx::Postgres>>::type_info()
            }

            fn compatible(ty: &sqlx::postgres::PgTypeInfo) -> bool {
                <&str as sqlx::Type<sqlx::Postgres>>::compatible(ty)
            }
        }

        impl<'r> sqlx::Decode<'r, sqlx::Postgres> for $name {
            fn decode(value: sqlx::postgres::PgValueRef<'r>) -> Result<Self, sqlx::error::BoxDynError> {
                Ok(<&str as sqlx::Decode<sqlx::Postgres>>::decode(value)?.parse()?)
            }
        }
    )*};
}

stored_as_text!(Status, Mode);

#[cfg(test)]
mod tests {
    use super::{Mode, Status};

    #[test]
    fn every_word_names_its_status() {
        for status in Status::ALL {
            assert_eq!(status.as_str().parse::<Status>().expect("a word of ours"), status);
            assert_eq!(serde_json::to_value(status).expect("a word"), status.as_str());
        }
        assert!("running".parse::<Status>().is_err());
        assert_eq!(Mode::Live.status().as_str(), Mode::Live.as_str());
    }

    #[test]
    fn a_stopped_strategy_starts_over() {
        let next: Vec<_> = Status::ALL.into_iter().filter(|next| Status::Stopped.may_become(*next)).collect();
        assert_eq!(next, [Status::Draft, Status::Stopped]);
    }

    #[test]
    fn only_a_trading_or_paused_strategy_can_pause() {
        let from: Vec<_> = Status::ALL.into_iter().filter(|from| from.may_become(Status::Paused)).collect();
        assert_eq!(from, [Status::Paper, Status::Live, Status::Paused]);
    }
}
