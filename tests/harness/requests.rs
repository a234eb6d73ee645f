//! Request bodies that several suites send.

use serde_json::{Value, json};

/// Returns the body that the report's suite sends to `POST /api/backtests`.
pub fn report_backtest() -> Value {
    json!({
        "strategyConfig": {"type": "momentum", "indicators": {"rsi_period": 14}},
        "universe": ["AAPL", "MSFT"],
        "broker": "alpaca",
        "timeframe": "1Day",
        "startDate": "2024-01-01",
        "endDate": "2024-01-31",
        "initialCash": "10000",
        "feesModel": {"commission": 0},
        "slippageModel": {"fixed_pct": 0.001},
        "executionPriceRule": "NEXT_OPEN",
        "dataSource": "alpaca",
    })
}

/// Returns a back-test of one strategy over the real bars of AAPL from 2005 to 2012
/// (about two thousand sessions).
pub fn long_backtest() -> Value {
    json!({
        "strategyType": "moving_average_crossover",
        "universe": ["AAPL"],
        "startDate": "2005-01-03",
        "endDate": "2012-12-31",
        "initialCash": 100_000,
    })
}
