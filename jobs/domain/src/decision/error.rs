//! Why a proposal is refused.

use rust_decimal::Decimal;
use thiserror::Error;

/// What is wrong with a proposal. Fields are named as in JSON; texts of others are cut short.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[allow(missing_docs, reason = "the messages say what the fields are")]
pub enum ProposalError {
    /// It is an array, a text, a number or nothing.
    #[error("the proposal is {value}, must be a JSON object")]
    NotAnObject { value: String },
    /// A key that a proposal does not have.
    #[error("{field:?} is not a field of a proposal")]
    UnknownField { field: String },
    /// A field that must be there, or must be there for this action.
    #[error("{field} is missing")]
    Missing { field: &'static str },
    /// Another type than the field's, or a word that is not one of its words.
    #[error("{field} is {value}, must be {expected}")]
    WrongType { field: &'static str, value: String, expected: &'static str },
    /// A number outside of its range.
    #[error("{field} is {value}, must be from {min} to {max}")]
    OutOfRange { field: &'static str, value: Decimal, min: Decimal, max: Decimal },
    /// A stop or target that lies on the wrong side of the price, or absurdly far away.
    #[error("{field} is {value}, must be above {above} and below {below}")]
    WrongSide { field: &'static str, value: Decimal, above: Decimal, below: Decimal },
    /// A field that has no meaning for the action.
    #[error("{field} is {value}, must be absent when nothing is to be done")]
    NotOnHold { field: &'static str, value: Decimal },
    /// No reason, or an essay.
    #[error("{field} has {length} characters, must have 1 to {max}")]
    Length { field: &'static str, length: usize, max: usize },
    /// The price to judge by is no price.
    #[error("the last price is {value}, must be above 0 and at most {max}")]
    Price { value: Decimal, max: Decimal },
}

impl ProposalError {
    /// Returns a stable word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotAnObject { .. } => "NOT_AN_OBJECT",
            Self::UnknownField { .. } => "UNKNOWN_FIELD",
            Self::Missing { .. } => "FIELD_MISSING",
            Self::WrongType { .. } => "WRONG_TYPE",
            Self::OutOfRange { .. } => "OUT_OF_RANGE",
            Self::WrongSide { .. } => "WRONG_SIDE_OF_PRICE",
            Self::NotOnHold { .. } => "NOT_ON_HOLD",
            Self::Length { .. } => "REASONING_LENGTH",
            Self::Price { .. } => "PRICE_UNUSABLE",
        }
    }

    /// Returns the offending field's name in JSON; empty for the proposal itself and its price.
    pub fn field(&self) -> &str {
        match self {
            Self::NotAnObject { .. } | Self::Price { .. } => "",
            Self::UnknownField { field } => field,
            Self::Missing { field }
            | Self::WrongType { field, .. }
            | Self::OutOfRange { field, .. }
            | Self::WrongSide { field, .. }
            | Self::NotOnHold { field, .. }
            | Self::Length { field, .. } => field,
        }
    }
}
