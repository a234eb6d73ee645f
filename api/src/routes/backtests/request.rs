//! What a request has to pass before anything is queued.

use domain::{
    backtest,
    backtest_request::{self, BacktestRequest, RequestError, StoredStrategy, canonical_hash},
};
use jobs::db::{bars, strategies};
use rust_decimal::{Decimal, prelude::FromPrimitive};
use serde::Serialize;
use serde_json::{Value, json};
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    error::{ApiError, ApiResult, ERROR_CODES, codes},
    extract::{Actor, limit_json},
};

/// The free-form parts of a body, each of limited length.
const FREE_FORM: [&str; 6] =
    ["strategyConfig", "strategyParams", "feesModel", "slippageModel", "parameters", "config"];

/// The body that asks for a run. Numbers may be sent as text; unknown keys are ignored.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "strategyConfig": {"type": "momentum"}, "universe": ["AAPL", "MSFT"],
    "startDate": "2024-01-01", "endDate": "2024-01-31", "initialCash": "10000"
}))]
pub(in crate::routes) struct RunRequest {
    /// The caller's strategy: gives type, symbols and parameters that are not sent.
    strategy_id: Option<String>,
    #[schema(value_type = Option<Object>)]
    strategy_config: Option<Value>,
    strategy_type: Option<String>,
    #[schema(value_type = Option<Object>)]
    strategy_params: Option<Value>,
    /// Tickers; also as `symbols`. Unless sent, those of `strategyConfig`, then the strategy's.
    universe: Option<Vec<String>>,
    broker: Option<String>,
    /// Only `1Day`.
    timeframe: Option<String>,
    /// A date, or a time of which the date counts.
    start_date: String,
    /// A date, or a time of which the date counts.
    end_date: String,
    /// 10000 unless sent; also as `initialCapital`.
    initial_cash: Option<f64>,
    #[schema(value_type = Option<Object>)]
    fees_model: Option<Value>,
    #[schema(value_type = Option<Object>)]
    slippage_model: Option<Value>,
    /// `NEXT_OPEN` or `NEXT_CLOSE`.
    execution_price_rule: Option<String>,
    data_source: Option<String>,
}

/// A request that can be run.
pub(in crate::routes) struct Checked {
    pub(in crate::routes) strategy_id: Option<Uuid>,
    pub(in crate::routes) request: BacktestRequest,
    pub(in crate::routes) config_hash: String,
    pub(in crate::routes) initial_cash: Decimal,
}

/// Decodes `body` and holds it against the caller's strategies and the bars there are.
pub(in crate::routes) async fn check(
    conn: &mut PgConnection,
    actor: &Actor,
    body: &Value,
    max_bars: u64,
) -> ApiResult<Checked> {
    for field in FREE_FORM {
        if let Some(value) = body.get(field) {
            limit_json(field, value)?;
        }
    }
    let (strategy_id, stored) = stored_strategy(conn, actor, body).await?.unzip();
    let mut request = BacktestRequest::decode(body, stored.as_ref()).map_err(refuse)?;
    let known = bars::known_symbols(conn).await?;
    request.narrow_default_to(&known);
    let BacktestRequest { universe, from, to, .. } = &request;
    check_symbols(universe, &known)?;
    let count = bars::count(conn, universe, *from, *to).await?;
    if count == 0 {
        return Err(no_data(conn, &request).await?);
    }
    if u64::try_from(count).is_ok_and(|count| count > max_bars) {
        let message = format!("the range holds {count} bars, more than the {max_bars} that one run may read");
        return Err(ApiError::bad_request(codes::TOO_MANY_BARS, message)
            .with_details(json!({ "field": "startDate", "bars": count, "maxBars": max_bars })));
    }
    let data = bars::data_version(conn, universe, *from, *to).await?;
    // Another engine computes otherwise: nothing of it is answered from an older one.
    let data = format!("{data} engine:{}", backtest::REVISION);
    let config_hash = canonical_hash(&request.config, universe, *from, *to, request.initial_cash, &data);
    let initial_cash = Decimal::from_f64(request.initial_cash)
        .map(|cash| cash.round_dp(2))
        .ok_or_else(|| ApiError::internal("decoded cash is not a decimal number"))?;
    Ok(Checked { strategy_id, request, config_hash, initial_cash })
}

/// Returns the request as the run object shows it.
pub(in crate::routes) fn presented(request: &BacktestRequest) -> ApiResult<Value> {
    let mut shown = serde_json::to_value(&request.presented).map_err(ApiError::internal)?;
    shown["notModelled"] = json!(request.not_modelled);
    shown["universeDefaulted"] = json!(!request.universe_given);
    Ok(shown)
}

/// Returns the caller's strategy that `body` names, if it names one.
pub(in crate::routes) async fn stored_strategy(
    conn: &mut PgConnection,
    actor: &Actor,
    body: &Value,
) -> ApiResult<Option<(Uuid, StoredStrategy)>> {
    if body.get("strategyId").is_some_and(|id| !id.is_null() && !id.is_string()) {
        return Err(ApiError::invalid_field("strategyId", "strategyId must be a text"));
    }
    let Some(id) = backtest_request::strategy_id(body) else { return Ok(None) };
    let unknown = || ApiError::not_found("strategy");
    let id: Uuid = id.trim().parse().map_err(|_| unknown())?;
    let strategy = strategies::get(conn, actor.user_id, id).await?.ok_or_else(unknown)?;
    let stored = StoredStrategy {
        strategy_type: strategy.kind,
        assets: strategy.assets,
        parameters: strategy.parameters.unwrap_or_default(),
        config: strategy.config,
    };
    Ok(Some((id, stored)))
}

/// The domain's word goes out as the code where the API documents it as one, and always as
/// `details.reason`.
pub(in crate::routes) fn refuse(error: RequestError) -> ApiError {
    let documented = ERROR_CODES.iter().find(|code| code.name() == error.code && code.status() == 400);
    ApiError::bad_request(documented.copied().unwrap_or(codes::INVALID_BACKTEST), error.message)
        .with_details(json!({ "field": error.field, "reason": error.code }))
}

fn check_symbols(universe: &[String], known: &[String]) -> ApiResult<()> {
    let unknown: Vec<&String> = universe.iter().filter(|symbol| !known.contains(symbol)).collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let list = unknown.iter().map(|symbol| symbol.as_str()).collect::<Vec<_>>().join(", ");
    let message = if known.is_empty() {
        format!("there are no bars of {list}, nor of any other symbol: load market data first")
    } else {
        format!("there are no bars of {list}: use {}", known.join(", "))
    };
    Err(ApiError::bad_request(codes::UNKNOWN_SYMBOL, message)
        .with_details(json!({ "field": "universe", "unknown": unknown, "known": known })))
}

/// Says which range there is.
async fn no_data(conn: &mut PgConnection, request: &BacktestRequest) -> ApiResult<ApiError> {
    let mut available = Vec::new();
    let mut text = Vec::new();
    for symbol in &request.universe {
        if let Some(set) = bars::set(conn, symbol).await? {
            text.push(format!("{symbol} {} to {}", set.first_date, set.last_date));
            available.push(json!({
                "symbol": symbol,
                "firstDate": set.first_date,
                "lastRealDate": set.last_real_date,
                "lastDate": set.last_date,
            }));
        }
    }
    let message = format!(
        "there is no bar between {} and {}: available are {}",
        request.from,
        request.to,
        text.join(", ")
    );
    Ok(ApiError::bad_request(codes::NO_DATA, message)
        .with_details(json!({ "field": "startDate", "available": available })))
}
