//! How public engines would have traded a case, on our engine.
//!
//! Ordinary options carry vectorbt and backtrader; what is peculiar to backtesting.py stays
//! in its own file here and never enters the engine.

mod backtesting_py;

use anyhow::{bail, ensure};
use domain::backtest::{Config, Fees, Slippage, run};
use domain::bars::Series;

use super::case::{Case, CaseFill};
use super::outcome::Outcome;

/// Re-runs `case` by the rules of `engine`.
pub(super) fn replay(engine: &str, case: &Case, series: &Series) -> anyhow::Result<Outcome> {
    match engine {
        "vectorbt" => vectorbt(case, series),
        "backtrader" => backtrader(case, series),
        "backtesting" => backtesting_py::replay(case, series),
        other => bail!("engine {other:?} is not known"),
    }
}

fn ordinary(case: &Case) -> anyhow::Result<Config> {
    let x = &case.execution;
    Ok(Config {
        fees: Fees { fixed: x.commission_fixed, fraction: x.commission_pct, per_share: 0.0 },
        slippage: Slippage::Bps(x.slippage * 10_000.0),
        sizing: x.sizing.sizing(),
        whole_shares: x.whole_shares,
        direction: x.direction,
        ..Config::new(case.rule()?, x.cash)
    })
}

fn market_only(case: &Case) -> anyhow::Result<()> {
    let x = &case.execution;
    ensure!(x.fill == CaseFill::NextOpen, "fill {:?} is not defined for this engine", x.fill);
    ensure!(
        x.stop_loss_pct.is_none() && x.take_profit_pct.is_none(),
        "stops are not defined for this engine"
    );
    ensure!(x.spread == 0.0, "spread {} is not defined for this engine", x.spread);
    Ok(())
}

/// vectorbt acts on the first signal there is, warm-up or not, does not bound shorts, and
/// counts the position left open at the end among the trades.
fn vectorbt(case: &Case, series: &Series) -> anyhow::Result<Outcome> {
    market_only(case)?;
    let config = Config { first_decision: Some(0), short_limit: None, ..ordinary(case)? };
    Ok(Outcome::new(run(&config, std::slice::from_ref(series))?, true))
}

/// backtrader's list has closed trades only.
fn backtrader(case: &Case, series: &Series) -> anyhow::Result<Outcome> {
    market_only(case)?;
    Ok(Outcome::new(run(&ordinary(case)?, std::slice::from_ref(series))?, false))
}
