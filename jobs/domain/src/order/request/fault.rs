//! Why an order is refused before it is recorded: the one list of codes.

use thiserror::Error;

use crate::order::words::words;

/// What is wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OrderFault {
    /// The body is no JSON object.
    BodyNotAnObject,
    /// Two spellings of one field disagree.
    FieldConflict,
    /// No symbol.
    SymbolRequired,
    /// Not the symbol of a US equity.
    SymbolInvalid,
    /// No side.
    SideRequired,
    /// Neither buy nor sell.
    SideInvalid,
    /// An unknown order type.
    TypeInvalid,
    /// An unknown time in force.
    TimeInForceInvalid,
    /// The type, the class or the size does not go with the time in force.
    TimeInForceUnsupported,
    /// An unknown order class.
    ClassInvalid,
    /// The type or the size does not go with the class.
    ClassUnsupported,
    /// Neither shares nor money.
    AmountRequired,
    /// Both shares and money.
    AmountAmbiguous,
    /// Not a number of shares in range.
    QtyInvalid,
    /// Not an amount of money in range.
    NotionalInvalid,
    /// Fractions and money don't go with the type, class, time in force or session.
    FractionUnsupported,
    /// A limit order without a limit price.
    LimitPriceRequired,
    /// A limit price on an order that takes none.
    LimitPriceUnexpected,
    /// Not a price in range.
    LimitPriceInvalid,
    /// A stop order without a stop price.
    StopPriceRequired,
    /// A stop price on an order that takes none.
    StopPriceUnexpected,
    /// Not a price in range.
    StopPriceInvalid,
    /// A price finer than the exchange quotes.
    PriceTick,
    /// A trailing stop without a distance.
    TrailRequired,
    /// Two distances.
    TrailAmbiguous,
    /// A distance on an order that takes none.
    TrailUnexpected,
    /// Not a distance in range.
    TrailInvalid,
    /// Neither true nor false.
    ExtendedHoursInvalid,
    /// Outside regular hours only limit orders for the day or until canceled trade.
    ExtendedHoursUnsupported,
    /// The class needs a leg that is missing.
    LegsRequired,
    /// A leg that the class does not take.
    LegsUnexpected,
    /// Take profit, entry and stop loss are not in the order that the side needs.
    LegsCrossed,
    /// Not a take-profit leg.
    TakeProfitInvalid,
    /// Not a stop-loss leg.
    StopLossInvalid,
}

words!(OrderFault, "order fault", {
    BodyNotAnObject => "BODY_NOT_AN_OBJECT",
    FieldConflict => "ORDER_FIELD_CONFLICT",
    SymbolRequired => "ORDER_SYMBOL_REQUIRED",
    SymbolInvalid => "ORDER_SYMBOL_INVALID",
    SideRequired => "ORDER_SIDE_REQUIRED",
    SideInvalid => "ORDER_SIDE_INVALID",
    TypeInvalid => "ORDER_TYPE_INVALID",
    TimeInForceInvalid => "ORDER_TIME_IN_FORCE_INVALID",
    TimeInForceUnsupported => "ORDER_TIME_IN_FORCE_UNSUPPORTED",
    ClassInvalid => "ORDER_CLASS_INVALID",
    ClassUnsupported => "ORDER_CLASS_UNSUPPORTED",
    AmountRequired => "ORDER_AMOUNT_REQUIRED",
    AmountAmbiguous => "ORDER_AMOUNT_AMBIGUOUS",
    QtyInvalid => "ORDER_QTY_INVALID",
    NotionalInvalid => "ORDER_NOTIONAL_INVALID",
    FractionUnsupported => "ORDER_FRACTION_UNSUPPORTED",
    LimitPriceRequired => "ORDER_LIMIT_PRICE_REQUIRED",
    LimitPriceUnexpected => "ORDER_LIMIT_PRICE_UNEXPECTED",
    LimitPriceInvalid => "ORDER_LIMIT_PRICE_INVALID",
    StopPriceRequired => "ORDER_STOP_PRICE_REQUIRED",
    StopPriceUnexpected => "ORDER_STOP_PRICE_UNEXPECTED",
    StopPriceInvalid => "ORDER_STOP_PRICE_INVALID",
    PriceTick => "ORDER_PRICE_TICK",
    TrailRequired => "ORDER_TRAIL_REQUIRED",
    TrailAmbiguous => "ORDER_TRAIL_AMBIGUOUS",
    TrailUnexpected => "ORDER_TRAIL_UNEXPECTED",
    TrailInvalid => "ORDER_TRAIL_INVALID",
    ExtendedHoursInvalid => "ORDER_EXTENDED_HOURS_INVALID",
    ExtendedHoursUnsupported => "ORDER_EXTENDED_HOURS_UNSUPPORTED",
    LegsRequired => "ORDER_LEGS_REQUIRED",
    LegsUnexpected => "ORDER_LEGS_UNEXPECTED",
    LegsCrossed => "ORDER_LEGS_CROSSED",
    TakeProfitInvalid => "ORDER_TAKE_PROFIT_INVALID",
    StopLossInvalid => "ORDER_STOP_LOSS_INVALID",
});

/// A refused request.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct OrderError {
    /// What is wrong.
    pub fault: OrderFault,
    /// Dotted path of the offending field, in the client's words where it was sent; empty for
    /// the body itself.
    pub field: String,
    /// A sentence for people that names field and value.
    pub message: String,
}

impl OrderError {
    pub(super) fn new(fault: OrderFault, field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { fault, field: field.into(), message: message.into() }
    }

    /// Returns a refusal that reads "`field` is `value`, `rule`".
    pub(super) fn of(fault: OrderFault, field: &str, value: impl std::fmt::Display, rule: &str) -> Self {
        Self::new(fault, field, format!("{field} is {value}, {rule}"))
    }

    /// Returns the stable code for programs, such as `ORDER_QTY_INVALID`.
    pub fn code(&self) -> &'static str {
        self.fault.as_str()
    }

    /// Returns the dotted path of the offending field, such as `stop_loss.stop_price`.
    pub fn field(&self) -> &str {
        &self.field
    }
}
