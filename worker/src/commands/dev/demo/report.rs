//! The finished run as a small table.

use std::fmt::Write as _;

use serde_json::Value;

/// Returns the table for run `done`; `asked` is the answer to the request, which may name the job.
pub(super) fn table(asked: &Value, done: &Value) -> String {
    let summary = done.get("resultsSummary").unwrap_or(&Value::Null);
    let period = format!("{} to {}", text(done, "startDate"), text(done, "endDate"));
    let job = [done, asked].map(|run| text(run, "jobId"));
    let job = job.into_iter().find(|job| job != ABSENT).unwrap_or_else(|| ABSENT.to_owned());
    let rows = [
        ("symbol", symbols(done)),
        ("period", period),
        ("strategy", strategy(done)),
        ("total return", number(summary, "totalReturnPct", 1.0, " %")),
        ("cagr", number(summary, "cagr", 100.0, " %")),
        ("sharpe", number(summary, "sharpeRatio", 1.0, "")),
        ("max drawdown", number(summary, "maxDrawdownPct", 1.0, " %")),
        ("trades", text(summary, "totalTrades")),
        ("runtime", format!("{} ms", text(done, "runtimeMs"))),
        ("provenance", provenance(done.get("provenance").unwrap_or(&Value::Null))),
        ("job", job),
    ];
    let mut table = String::new();
    for (name, value) in rows {
        let _ = writeln!(table, "  {name:<13} {value}");
    }
    table
}

/// What is shown for a value that is not there.
const ABSENT: &str = "-";

fn text(object: &Value, key: &str) -> String {
    match object.get(key) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => ABSENT.to_owned(),
        Some(other) => other.to_string(),
    }
}

/// A figure in the table's unit: `cagr` is sent as a fraction, the others as they are shown.
fn number(object: &Value, key: &str, factor: f64, unit: &str) -> String {
    let found = object.get(key).and_then(Value::as_f64);
    found.map_or_else(|| ABSENT.to_owned(), |value| format!("{:.2}{unit}", value * factor))
}

fn symbols(run: &Value) -> String {
    let symbols = run.get("universe").and_then(Value::as_array).into_iter().flatten();
    symbols.filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
}

/// The strategy's name, from wherever the run keeps it.
fn strategy(run: &Value) -> String {
    let config = run.get("strategyConfig").unwrap_or(&Value::Null);
    let names = [text(run, "strategyType"), text(config, "type"), text(config, "strategyType")];
    names.into_iter().find(|name| name != ABSENT).unwrap_or_else(|| ABSENT.to_owned())
}

/// Where the bars came from: the provider, and whether they are real or simulated.
fn provenance(provenance: &Value) -> String {
    if let Value::String(text) = provenance {
        return text.clone();
    }
    let kind = match provenance.get("simulated").and_then(Value::as_bool) {
        Some(true) => "simulated".to_owned(),
        Some(false) => "real".to_owned(),
        None => text(provenance, "kind"),
    };
    let provider = text(provenance, "provider");
    match (kind.as_str(), provider.as_str()) {
        (ABSENT, provider) => provider.to_owned(),
        (kind, ABSENT) => kind.to_owned(),
        (kind, provider) => format!("{kind} ({provider})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_run_is_shown_with_its_figures_and_gaps_as_dashes() {
        let done = json!({
            "universe": ["AAPL"], "startDate": "2005-01-03", "endDate": "2012-12-31", "runtimeMs": 12,
            "strategyConfig": {"type": "moving_average_crossover"}, "jobId": "j-1",
            "provenance": {"provider": "shipped", "simulated": false},
            "resultsSummary": {"totalReturnPct": 123.456, "cagr": 0.0789, "sharpeRatio": null,
                "maxDrawdownPct": 30.0, "totalTrades": 48},
        });
        let table = table(&json!({"id": "r"}), &done);
        let lines: Vec<&str> = table.lines().map(str::trim_end).collect();
        assert_eq!(
            lines,
            [
                "  symbol        AAPL",
                "  period        2005-01-03 to 2012-12-31",
                "  strategy      moving_average_crossover",
                "  total return  123.46 %",
                "  cagr          7.89 %",
                "  sharpe        -",
                "  max drawdown  30.00 %",
                "  trades        48",
                "  runtime       12 ms",
                "  provenance    real (shipped)",
                "  job           j-1",
            ]
        );
    }

    #[test]
    fn provenance_is_read_in_every_spelling() {
        let cases = [
            (json!("real"), "real"),
            (json!({"provider": "yahoo"}), "yahoo"),
            (json!({"kind": "simulated"}), "simulated"),
            (json!({"simulated": true, "provider": "walk"}), "simulated (walk)"),
            (Value::Null, "-"),
        ];
        for (value, expected) in cases {
            assert_eq!(provenance(&value), expected);
        }
    }
}
