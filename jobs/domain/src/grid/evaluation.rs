//! Runs a range of combinations over bars that are read once.

use std::{collections::BTreeMap, ops::Range};

use super::{Base, Decoder, Figures, Grid};
use crate::{
    backtest::{self, Config, SimulationError, Strategy, Sweep},
    bars::Series,
};

/// The figures of one combination.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evaluated {
    /// The combination's number in its grid.
    pub cell: usize,
    /// Its figures.
    pub figures: Figures,
}

/// Returns the figures of the combinations `cells` of `grid` over `series`, by number;
/// combinations that make no sense are left out. `None` when `go_on`, asked before each,
/// said no.
///
/// `close_at_end` sells open positions at the last close, so that their costs count. One symbol
/// goes through [`Sweep`], which shares what combinations have in common; more go through the
/// simulation. The figures of a combination depend on nothing but itself and the bars.
pub fn evaluate(
    grid: &Grid,
    base: &Base,
    cells: Range<usize>,
    series: &[Series],
    close_at_end: bool,
    mut go_on: impl FnMut() -> bool,
) -> Result<Option<Vec<Evaluated>>, SimulationError> {
    let mut decoder = Decoder::new(grid, base);
    let valid = cells.filter_map(|cell| {
        let config = decoder.config(cell).ok()?;
        Some((cell, Config { close_at_end, ..config }))
    });
    let mut found = Vec::new();
    let [one] = series else {
        for (cell, config) in valid {
            if !go_on() {
                return Ok(None);
            }
            let report = backtest::run(&config, series)?;
            found.push(Evaluated { cell, figures: Figures::of_report(&report) });
        }
        return Ok(Some(found));
    };
    let mut trades = Vec::new();
    for (config, members) in alike(valid) {
        let sweep = Sweep::new(&config, one, &means(&members))?;
        for (cell, strategy) in members {
            if !go_on() {
                return Ok(None);
            }
            let figures = Figures::of_cell(&sweep.evaluate(strategy, &mut trades)?, one.len());
            found.push(Evaluated { cell, figures });
        }
    }
    found.sort_unstable_by_key(|evaluated| evaluated.cell);
    Ok(Some(found))
}

type Members = Vec<(usize, Strategy)>;

/// Puts together what differs in the rule's parameters only.
fn alike(valid: impl Iterator<Item = (usize, Config)>) -> Vec<(Config, Members)> {
    let mut groups: BTreeMap<String, (Config, Members)> = BTreeMap::new();
    for (cell, config) in valid {
        let strategy = config.strategy;
        let rest = Config { strategy: Strategy::BuyAndHold, ..config.clone() };
        let key = format!("{rest:?}");
        groups.entry(key).or_insert_with(|| (config, Vec::new())).1.push((cell, strategy));
    }
    groups.into_values().collect()
}

/// Returns the windows of the means that the rules need, each once.
fn means(members: &Members) -> Vec<usize> {
    let mut windows: Vec<usize> = members
        .iter()
        .filter_map(|(_, strategy)| match *strategy {
            Strategy::MovingAverageCrossover { fast, slow } => Some([fast, slow]),
            _ => None,
        })
        .flatten()
        .collect();
    windows.sort_unstable();
    windows.dedup();
    windows
}
