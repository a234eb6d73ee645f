//! The switches a user sets on the account.

use serde_json::{Map, Value, json};

use super::Exchange;
use super::account::Figures;
use super::change::Change;
use super::refusal::Refusal;

impl Exchange {
    /// Returns the configuration object.
    pub fn configurations(&self) -> Value {
        let mut all = defaults(self.settings.multiplier);
        all.extend(self.book.configured.clone());
        Value::Object(all)
    }

    /// Sets the switches in `body` and returns the configuration object.
    ///
    /// A key or a type that is not one of the configuration's is refused.
    pub fn configure(&mut self, body: &Value) -> Result<Value, Refusal> {
        let wanted = body.as_object().ok_or_else(Refusal::body)?;
        let known = defaults(self.settings.multiplier);
        let mut configured = self.book.configured.clone();
        for (name, value) in wanted {
            let same_kind = match known.get(name) {
                Some(Value::Bool(_)) => value.is_boolean(),
                Some(Value::Number(_)) => value.is_u64(),
                Some(_) => value.is_string(),
                None => return Err(Refusal::field(format!("unknown configuration {name}"))),
            };
            let allowed = match name.as_str() {
                "dtbp_check" | "pdt_check" => ["both", "entry", "exit"].iter().any(|word| value == word),
                "max_margin_multiplier" => ["1", "2", "4"].iter().any(|word| value == word),
                "trade_confirm_email" => ["all", "none"].iter().any(|word| value == word),
                _ => true,
            };
            if !(same_kind && allowed) {
                return Err(Refusal::field(format!("invalid {name}: {value}")));
            }
            configured.insert(name.clone(), value.clone());
        }
        self.record(Change::Configured(configured));
        self.commit()?;
        Ok(self.configurations())
    }

    /// Whether the user switched new orders off.
    pub(super) fn is_suspended(&self) -> bool {
        self.switch("suspend_trade")
    }

    /// Whether fractions of a share may be ordered.
    pub(super) fn fractions_enabled(&self) -> bool {
        self.book.configured.get("fractional_trading").and_then(Value::as_bool).unwrap_or(true)
    }

    /// Whether the account may sell short: on margin, with the equity for it, and not switched
    /// off.
    pub(super) fn shorting_enabled(&self, figures: &Figures) -> bool {
        figures.multiplier > 1 && !self.switch("no_shorting")
    }

    /// Returns the smaller of the account's multiplier and the one the user allows.
    pub(super) fn max_multiplier(&self) -> u8 {
        let wanted = self.book.configured.get("max_margin_multiplier").and_then(Value::as_str);
        let most = self.settings.multiplier;
        wanted.and_then(|text| text.parse().ok()).map_or(most, |wanted: u8| wanted.min(most))
    }

    fn switch(&self, name: &str) -> bool {
        self.book.configured.get(name).and_then(Value::as_bool).unwrap_or(false)
    }
}

fn defaults(multiplier: u8) -> Map<String, Value> {
    let all = json!({
        "dtbp_check": "entry",
        "fractional_trading": true,
        "max_margin_multiplier": multiplier.to_string(),
        "max_options_trading_level": 0,
        "no_shorting": false,
        "pdt_check": "entry",
        "ptp_no_exception_entry": false,
        "suspend_trade": false,
        "trade_confirm_email": "all",
    });
    all.as_object().cloned().unwrap_or_default()
}
