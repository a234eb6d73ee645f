//! The fast paths give what the event path gives.

use domain::backtest::{Config, Fees, Report, Simulation, Sizing, Strategy, Sweep, run};
use domain::bars::Series;
use proptest::prelude::{ProptestConfig, prop_assert_eq, proptest};

use crate::sample::{aapl, any_configs, configs, walks};

fn by_events(config: &Config, series: &Series) -> Report {
    Simulation::new(config, std::slice::from_ref(series)).expect("the configuration is valid").finish()
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * 1.0_f64.max(a.abs()).max(b.abs())
}

fn same_cell(config: &Config, series: &Series, report: &Report) {
    let windows: Vec<usize> = match config.strategy {
        Strategy::MovingAverageCrossover { fast, slow } => vec![fast, slow],
        _ => Vec::new(),
    };
    let sweep = Sweep::new(config, series, &windows).expect("the configuration is valid");
    let mut trades = Vec::new();
    let cell = sweep.evaluate(config.strategy, &mut trades).expect("the strategy is valid");
    assert_eq!(trades, report.trades);
    assert_eq!(cell.winning, report.metrics.trades.winning);
    assert_eq!(cell.open, !report.open_positions.is_empty());
    assert!(near(cell.final_equity, report.final_equity().unwrap_or(config.initial_cash)));
    assert!(
        near(cell.max_drawdown, report.metrics.max_drawdown.unwrap_or(0.0)),
        "{cell:?} {:?}",
        report.metrics
    );
    match (cell.sharpe, report.metrics.sharpe) {
        (Some(ours), Some(theirs)) => assert!(near(ours, theirs), "{ours} {theirs}"),
        (ours, theirs) => assert_eq!(ours, theirs),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn a_direct_run_is_the_event_by_event_run(series in walks(120), config in configs()) {
        let direct = run(&config, std::slice::from_ref(&series)).expect("the configuration is valid");
        prop_assert_eq!(direct, by_events(&config, &series));
    }

    #[test]
    fn a_sweep_cell_is_the_event_by_event_run(series in walks(120), config in any_configs()) {
        same_cell(&config, &series, &by_events(&config, &series));
    }
}

#[test]
fn a_sweep_over_aapl_is_the_event_by_event_run() {
    let series = aapl();
    assert_eq!(series.len(), 3_270);
    for (fast, slow) in [(5, 20), (5, 30), (10, 50), (24, 220), (1, 2), (50, 200)] {
        for sizing in [Sizing::AllIn, Sizing::EquityFraction(0.5), Sizing::Units(50.0)] {
            let strategy = Strategy::MovingAverageCrossover { fast, slow };
            let fees = Fees { fixed: 1.0, fraction: 0.001, per_share: 0.0 };
            let config = Config { sizing, fees, ..Config::new(strategy, 100_000.0) };
            let report = by_events(&config, &series);
            assert!(!report.trades.is_empty());
            assert_eq!(run(&config, std::slice::from_ref(&series)).expect("a valid run"), report);
            same_cell(&config, &series, &report);
        }
    }
}
