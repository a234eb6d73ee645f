//! The closed list of strategy type names, and what each of them means to a back-test.

use serde_json::{Map, Value};

use super::{
    RequestError, StoredStrategy,
    fields::{Field, field, shown},
};

/// A kind of strategy that can be back-tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StrategyKind {
    /// Two simple means that cross.
    MovingAverageCrossover,
    /// The relative strength index against two levels.
    RsiOscillator,
    /// Buys once.
    BuyAndHold,
    /// Follows the recent return.
    Momentum,
    /// Buys below the band, or on a low index when so configured; 20 bars unless given.
    MeanReversion,
    /// The same on a shorter window; 14 bars unless given.
    MeanReversionScalper,
    /// Buys above a channel: Donchian's unless `indicator` says Bollinger.
    Breakout,
    /// Buys above Bollinger's band.
    BollingerBreakout,
    /// Buys above Donchian's channel.
    DonchianBreakout,
    /// What the technical analyst would have said, without news.
    TechnicalAnalyst,
}

/// Why a known type can't be back-tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unfit {
    /// Trades the difference of two prices, with a short leg.
    Pairs,
    /// Needs the news of the time, which nobody recorded.
    Sentiment,
    /// A name that clients send and that has no published rule.
    NoRule,
}

impl Unfit {
    /// Returns the reason as the end of a sentence.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Pairs => "it trades pairs with a short leg, which the engine does not model",
            Self::Sentiment => "it needs the news of the time, of which there is no record",
            Self::NoRule => "it has no rule that could be tested",
        }
    }
}

type Entry = (&'static str, Result<StrategyKind, Unfit>);

/// Every name clients send; hyphens and underscores, upper and lower case are the same.
const TYPES: [Entry; 27] = [
    ("moving_average_crossover", Ok(StrategyKind::MovingAverageCrossover)),
    ("moving_average", Ok(StrategyKind::MovingAverageCrossover)),
    ("ma_crossover", Ok(StrategyKind::MovingAverageCrossover)),
    ("sma_crossover", Ok(StrategyKind::MovingAverageCrossover)),
    ("rsi_oscillator", Ok(StrategyKind::RsiOscillator)),
    ("rsi", Ok(StrategyKind::RsiOscillator)),
    ("rsi_reversion", Ok(StrategyKind::RsiOscillator)),
    ("buy_and_hold", Ok(StrategyKind::BuyAndHold)),
    ("momentum", Ok(StrategyKind::Momentum)),
    ("momentum_strategy", Ok(StrategyKind::Momentum)),
    ("momentum_breakout", Ok(StrategyKind::Momentum)),
    ("mean_reversion", Ok(StrategyKind::MeanReversion)),
    ("bollinger_reversion", Ok(StrategyKind::MeanReversion)),
    ("range_trading", Ok(StrategyKind::MeanReversion)),
    ("mean_reversion_scalper", Ok(StrategyKind::MeanReversionScalper)),
    ("breakout", Ok(StrategyKind::Breakout)),
    ("bollinger_breakout", Ok(StrategyKind::BollingerBreakout)),
    ("donchian_breakout", Ok(StrategyKind::DonchianBreakout)),
    ("technical_analyst", Ok(StrategyKind::TechnicalAnalyst)),
    ("pairs_trading", Err(Unfit::Pairs)),
    ("pairs", Err(Unfit::Pairs)),
    ("ml_sentiment", Err(Unfit::Sentiment)),
    ("sentiment", Err(Unfit::Sentiment)),
    ("news_sentiment", Err(Unfit::Sentiment)),
    ("omar", Err(Unfit::NoRule)),
    ("custom", Err(Unfit::NoRule)),
    ("ai", Err(Unfit::NoRule)),
];

/// What a refusal offers instead.
const FIT: &str = "moving_average_crossover, rsi_oscillator, buy_and_hold, momentum, mean_reversion, \
                   mean_reversion_scalper, range_trading, bollinger_breakout, \
                   donchian_breakout or technical_analyst";

/// Returns every known type name, in snake case.
pub fn strategy_types() -> impl Iterator<Item = &'static str> {
    TYPES.iter().map(|(name, _)| *name)
}

/// Returns the kind of the type `name`, why it can't be back-tested, or `None` when it is
/// unknown.
pub fn strategy_kind(name: &str) -> Option<Result<StrategyKind, Unfit>> {
    let plain = name.trim().to_lowercase().replace(['-', ' '], "_");
    TYPES.iter().find(|(known, _)| *known == plain).map(|(_, kind)| *kind)
}

/// Returns whether the type `name` means `kind`.
pub(super) fn same_kind(name: &str, kind: StrategyKind) -> bool {
    strategy_kind(name) == Some(Ok(kind))
}

/// Decodes the type, and returns it with the name it was given under.
pub(super) fn decode(
    body: &Map<String, Value>,
    config: Option<&Map<String, Value>>,
    stored: Option<&StoredStrategy>,
) -> Result<(String, StrategyKind), RequestError> {
    let not_blank = |given: &Field| given.value.as_str().is_none_or(|text| !text.trim().is_empty());
    let in_config = || {
        let mut given = field(config?, &["type"])?;
        given.path.insert_str(0, "strategyConfig.");
        Some(given)
    };
    let given = field(body, &["strategyType"]).filter(not_blank).or_else(|| in_config().filter(not_blank));
    let (path, value) = match (given, stored) {
        (Some(given), _) => (given.path, given.value.clone()),
        (None, Some(stored)) => ("strategy.type".to_owned(), Value::from(stored.strategy_type.as_str())),
        (None, None) => {
            let message = format!("strategyType is required: {FIT}");
            return Err(RequestError::new("STRATEGY_TYPE_REQUIRED", "strategyType", message));
        }
    };
    let name = value.as_str().unwrap_or_default();
    match strategy_kind(name) {
        Some(Ok(kind)) => Ok((name.trim().to_owned(), kind)),
        Some(Err(unfit)) => {
            let message = format!(
                "{path} is {}, which can't be back-tested: {}; try {FIT}",
                shown(&value),
                unfit.reason()
            );
            Err(RequestError::new("STRATEGY_NOT_BACKTESTABLE", path, message))
        }
        None => {
            let message = format!("{path} is {}, must be {FIT}", shown(&value));
            Err(RequestError::new("UNKNOWN_STRATEGY_TYPE", path, message))
        }
    }
}
