//! Reads single fields of a body under any of their spellings.

use std::str::FromStr;

use rust_decimal::Decimal;
use serde_json::{Map, Value};

use super::{OrderError, OrderFault, rules};

/// The spellings of each field, the broker's first.
pub(super) mod names {
    pub(in super::super) const SYMBOL: &[&str] = &["symbol"];
    pub(in super::super) const SIDE: &[&str] = &["side"];
    pub(in super::super) const QTY: &[&str] = &["qty", "quantity"];
    pub(in super::super) const NOTIONAL: &[&str] = &["notional"];
    pub(in super::super) const TYPE: &[&str] = &["type", "order_type", "orderType"];
    pub(in super::super) const TIME_IN_FORCE: &[&str] = &["time_in_force", "timeInForce"];
    pub(in super::super) const LIMIT_PRICE: &[&str] = &["limit_price", "limitPrice"];
    pub(in super::super) const STOP_PRICE: &[&str] = &["stop_price", "stopPrice"];
    pub(in super::super) const TRAIL_PRICE: &[&str] = &["trail_price", "trailPrice"];
    pub(in super::super) const TRAIL_PERCENT: &[&str] = &["trail_percent", "trailPercent"];
    pub(in super::super) const EXTENDED_HOURS: &[&str] = &["extended_hours", "extendedHours"];
    pub(in super::super) const CLASS: &[&str] = &["order_class", "orderClass"];
    pub(in super::super) const TAKE_PROFIT: &[&str] = &["take_profit", "takeProfit"];
    pub(in super::super) const STOP_LOSS: &[&str] = &["stop_loss", "stopLoss"];
}

/// The most characters of a refused value that a message repeats.
const SHOWN: usize = 60;
/// The most characters a number may have.
const LONGEST_NUMBER: usize = 40;

/// An object whose fields are read, with its path.
pub(super) struct Body<'a> {
    object: &'a Map<String, Value>,
    /// Path in the broker's words and in the client's, with the closing dot; empty for the whole.
    path: (String, String),
    /// What was read: the path in the broker's words and in the client's.
    read: Vec<(String, String)>,
}

struct Given<'a> {
    path: String,
    value: &'a Value,
}

impl Given<'_> {
    fn refuse(&self, fault: OrderFault, rule: &str) -> OrderError {
        OrderError::of(fault, &self.path, shown(self.value), rule)
    }
}

impl<'a> Body<'a> {
    pub(super) fn new(object: &'a Map<String, Value>) -> Self {
        Self { object, path: (String::new(), String::new()), read: vec![] }
    }

    /// Returns the field under the spelling that was sent; spellings that disagree are refused.
    fn find(&mut self, names: &[&'static str]) -> Result<Option<Given<'a>>, OrderError> {
        let object = self.object;
        let mut sent = names
            .iter()
            .filter_map(|name| Some((*name, object.get(*name)?)))
            .filter(|(_, value)| !is_absent(value));
        let Some((name, value)) = sent.next() else { return Ok(None) };
        let given = Given { path: format!("{}{name}", self.path.1), value };
        if let Some((other, differs)) = sent.find(|(_, other)| !agree(value, other)) {
            let rule = format!("but {}{other} is {}", self.path.1, shown(differs));
            return Err(given.refuse(OrderFault::FieldConflict, &rule));
        }
        self.read.push((format!("{}{}", self.path.0, names[0]), given.path.clone()));
        Ok(Some(given))
    }

    /// Returns the refusal for a field that must be there.
    pub(super) fn missing(&self, names: &[&'static str], fault: OrderFault) -> OrderError {
        let path = format!("{}{}", self.path.1, names[0]);
        let message = match fault {
            OrderFault::AmountRequired => "qty or notional is required".to_owned(),
            _ => format!("{path} is required"),
        };
        OrderError::new(fault, path, message)
    }

    pub(super) fn symbol(&mut self) -> Result<String, OrderError> {
        let Some(given) = self.find(names::SYMBOL)? else {
            return Err(self.missing(names::SYMBOL, OrderFault::SymbolRequired));
        };
        let Some(text) = given.value.as_str() else {
            return Err(given.refuse(OrderFault::SymbolInvalid, rules::SYMBOL_RULE));
        };
        let symbol = text.trim().to_uppercase();
        rules::symbol(&symbol).map_err(|_| given.refuse(OrderFault::SymbolInvalid, rules::SYMBOL_RULE))?;
        Ok(symbol)
    }

    /// Returns a word of a closed list, in any case, with the space around it taken off.
    pub(super) fn word<T: FromStr + Word>(
        &mut self,
        names: &[&'static str],
        fault: OrderFault,
    ) -> Result<Option<T>, OrderError> {
        let Some(given) = self.find(names)? else { return Ok(None) };
        let word = given.value.as_str().map(|text| text.trim().to_lowercase());
        match word.as_deref().map(str::parse) {
            Some(Ok(value)) => Ok(Some(value)),
            _ => Err(given.refuse(fault, &format!("must be one of {}", T::list()))),
        }
    }

    /// Returns a number, exactly as written.
    pub(super) fn number(
        &mut self,
        names: &[&'static str],
        fault: OrderFault,
    ) -> Result<Option<Decimal>, OrderError> {
        let Some(given) = self.find(names)? else { return Ok(None) };
        match exact(given.value) {
            Some(number) => Ok(Some(number)),
            None => Err(given.refuse(fault, "must be a decimal number")),
        }
    }

    /// Returns a number that must be there.
    pub(super) fn required(
        &mut self,
        names: &[&'static str],
        fault: OrderFault,
    ) -> Result<Decimal, OrderError> {
        self.number(names, fault)?.ok_or_else(|| self.missing(names, fault))
    }

    pub(super) fn flag(&mut self, names: &[&'static str], fault: OrderFault) -> Result<bool, OrderError> {
        let Some(given) = self.find(names)? else { return Ok(false) };
        match given.value {
            Value::Bool(flag) => Ok(*flag),
            Value::String(text) if text.trim().eq_ignore_ascii_case("true") => Ok(true),
            Value::String(text) if text.trim().eq_ignore_ascii_case("false") => Ok(false),
            _ => Err(given.refuse(fault, "must be true or false")),
        }
    }

    /// Returns the fields of a leg. A bare number is refused: price and percent look alike.
    pub(super) fn object(
        &mut self,
        names: &[&'static str],
        fault: OrderFault,
    ) -> Result<Option<Body<'a>>, OrderError> {
        let Some(given) = self.find(names)? else { return Ok(None) };
        let Some(object) = given.value.as_object() else {
            return Err(given.refuse(fault, "must be an object that names its prices"));
        };
        let path = (format!("{}.", names[0]), format!("{}.", given.path));
        Ok(Some(Body { object, path, read: vec![] }))
    }

    /// Renames the field of `error` to the spelling that was sent.
    pub(super) fn in_client_words(&self, mut error: OrderError) -> OrderError {
        let whole = self.read.iter().find(|(ours, _)| *ours == error.field);
        let leg = || {
            let (first, rest) = error.field.split_once('.')?;
            let (_, sent) = self.read.iter().find(|(ours, _)| ours == first)?;
            let object = self.object.get(sent)?.as_object()?;
            let spellings = [names::LIMIT_PRICE, names::STOP_PRICE].into_iter().find(|s| s[0] == rest)?;
            let name = spellings.iter().find(|s| object.get(**s).is_some_and(|v| !is_absent(v)))?;
            Some(format!("{sent}.{name}"))
        };
        if let Some(sent) = whole.map(|(_, sent)| sent.clone()).or_else(leg) {
            error.message = error.message.replacen(&error.field, &sent, 1);
            error.field = sent;
        }
        error
    }
}

/// A closed list of words that a message can recite.
pub(super) trait Word {
    /// Returns the words, separated by commas.
    fn list() -> String;
}

macro_rules! recited {
    ($($name:ty),+) => {
        $(impl Word for $name {
            fn list() -> String {
                Self::ALL.iter().map(|word| word.as_str()).collect::<Vec<_>>().join(", ")
            }
        })+
    };
}

recited!(super::Side, super::OrderType, super::TimeInForce, super::OrderClass);

fn is_absent(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty())
}

fn agree(one: &Value, other: &Value) -> bool {
    match (exact(one), exact(other)) {
        (Some(one), Some(other)) => one == other,
        _ => match (one.as_str(), other.as_str()) {
            (Some(one), Some(other)) => one.trim().eq_ignore_ascii_case(other.trim()),
            _ => one == other,
        },
    }
}

/// Returns the number as it is written, or nothing when it is none or would have to be rounded.
fn exact(value: &Value) -> Option<Decimal> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().to_owned(),
        _ => return None,
    };
    let plain = |c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | 'e' | 'E');
    if text.len() > LONGEST_NUMBER || !text.chars().all(plain) {
        return None;
    }
    let (digits, power) = match text.split_once(['e', 'E']) {
        Some((digits, power)) => (digits, power.parse::<i32>().ok()?),
        None => (text.as_str(), 0),
    };
    let number = Decimal::from_str_exact(digits).ok()?;
    let scale = i64::from(number.scale()) - i64::from(power);
    let (mantissa, scale) = if let Ok(scale) = u32::try_from(scale) {
        (number.mantissa(), scale)
    } else {
        let tens = 10_i128.checked_pow(u32::try_from(-scale).ok()?)?;
        (number.mantissa().checked_mul(tens)?, 0)
    };
    let number = Decimal::try_from_i128_with_scale(mantissa, scale).ok()?;
    Some(number.normalize())
}

/// Returns the JSON of `value`, cut to a length that fits a message.
fn shown(value: &Value) -> String {
    let text = match value {
        Value::Array(items) => format!("an array of {}", items.len()),
        Value::Object(fields) => format!("an object of {}", fields.len()),
        scalar => scalar.to_string(),
    };
    if text.chars().count() <= SHOWN {
        return text;
    }
    text.chars().take(SHOWN).chain(['…']).collect()
}
