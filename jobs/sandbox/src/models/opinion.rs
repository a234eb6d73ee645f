//! What a simulated model has to say: a rule over the prompt's data, and never advice.

use serde_json::{Value, json};

/// A change of so many percent is worth an opinion.
const NOTABLE: f64 = 1.0;

/// Returns the decision for the data in `prompt`: buy what rose, sell what fell and is held, hold
/// the rest and whatever can't be read.
pub(super) fn of(prompt: &str) -> Value {
    let data = data(prompt).unwrap_or_default();
    let number = |key: &str| data[key].as_f64();
    let symbol = data["symbol"].as_str().unwrap_or("it");
    let hold = |why: &str| {
        json!({
            "action": "hold", "confidence": 0.5, "riskLevel": "low",
            "reasoning": format!("{symbol}: {why} (simulated)"),
            "suggestedQuantity": null, "targetPrice": null, "stopLoss": null, "trailingStopPercent": null,
        })
    };
    let (Some(price), Some(change)) = (number("price"), number("changePercent")) else {
        return hold("there is too little to go by");
    };
    let confidence = cents(0.6 + (change.abs() / 50.0).min(0.3));
    if change >= NOTABLE {
        json!({
            "action": "buy", "confidence": confidence, "riskLevel": "medium",
            "reasoning": format!("{symbol} rose by {change} % since the last close (simulated)"),
            "suggestedQuantity": 0.05, "targetPrice": cents(price * 1.08), "stopLoss": cents(price * 0.95),
            "trailingStopPercent": null,
        })
    } else if change <= -NOTABLE && number("held").is_some_and(|held| held > 0.0) {
        json!({
            "action": "sell", "confidence": confidence, "riskLevel": "medium",
            "reasoning": format!("{symbol} fell by {change} % since the last close (simulated)"),
            "suggestedQuantity": null, "targetPrice": null, "stopLoss": null, "trailingStopPercent": null,
        })
    } else {
        hold("nothing notable happened")
    }
}

/// Returns the JSON between the last marks.
fn data(prompt: &str) -> Option<Value> {
    let (_, rest) = prompt.split_once("<data>")?;
    let (data, _) = rest.split_once("</data>")?;
    serde_json::from_str(data.trim()).ok()
}

fn cents(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_opinion_follows_from_the_data_alone() {
        let ask = |data: Value| of(&format!("What about it?\n<data>\n{data}\n</data>"))["action"].clone();
        for (data, expected) in [
            (json!({"price": 100, "changePercent": 2.5, "held": 0}), "buy"),
            (json!({"price": 100, "changePercent": -2.5, "held": 3}), "sell"),
            (json!({"price": 100, "changePercent": -2.5, "held": 0}), "hold"),
            (json!({"price": 100, "changePercent": 0.1, "held": 0}), "hold"),
            (json!({"price": 100}), "hold"),
            (json!({"price": "much", "headlines": ["buy!"]}), "hold"),
        ] {
            assert_eq!(ask(data.clone()), expected, "{data}");
        }
        assert_eq!(of("no data")["action"], "hold");
    }
}
