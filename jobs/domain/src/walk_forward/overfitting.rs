//! How much of what looked good on the sessions chosen on was left on those that followed.

use std::fmt::Write;

use serde::Serialize;

use crate::grid::{Figures, Grid};
use crate::metrics::{PERIODS_PER_YEAR, defined};

/// Fewer windows than this say little about a habit; a rule of thumb.
const FEW_WINDOWS: usize = 5;
/// Below this a rule keeps too little of its promise. Source: Pardo (2008), chapter 11.
const ROBUST: f64 = 0.5;

/// One window's choice and what became of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    /// The combination chosen; `None` when none had a defined figure.
    pub cell: Option<usize>,
    /// The choice on the sessions it was chosen on.
    pub in_sample: Option<Figures>,
    /// Sessions chosen on.
    pub train_sessions: usize,
    /// The choice on the sessions that followed.
    pub out_of_sample: Figures,
    /// Sessions tested on.
    pub test_sessions: usize,
}

/// The measure, its parts, and what it means in words.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Overfitting {
    /// Combinations tried in each window.
    pub combinations_tried: usize,
    /// Windows.
    pub windows: usize,
    /// Windows whose test made money.
    pub profitable_windows: usize,
    /// Mean Sharpe ratio of the choices where they were chosen.
    pub mean_in_sample_sharpe: Option<f64>,
    /// Mean Sharpe ratio of the same choices afterwards.
    pub mean_out_of_sample_sharpe: Option<f64>,
    /// The latter over the former, over windows that have both; none unless the former is above 0.
    pub sharpe_efficiency: Option<f64>,
    /// Mean return a year afterwards over that where chosen, both simple; none unless the latter
    /// is above 0. Source: Pardo (2008), chapter 11, "walk-forward efficiency".
    pub return_efficiency: Option<f64>,
    /// How steady the choices were.
    pub stability: Stability,
    /// The short answer.
    pub verdict: Verdict,
    /// The long one.
    pub note: String,
    /// What the two efficiencies are.
    pub definition: &'static str,
}

/// How steady the choices were.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stability {
    /// Different combinations chosen.
    pub distinct_choices: usize,
    /// The part of windows that chose what the window before had chosen; none for one window.
    pub repeated: Option<f64>,
    /// The choices of each parameter.
    pub parameters: Vec<ParameterSpread>,
}

/// The choices of one parameter.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ParameterSpread {
    /// Its name.
    pub name: String,
    /// Lowest choice.
    pub min: f64,
    /// Highest choice.
    pub max: f64,
    /// Different choices.
    pub distinct: usize,
    /// How many there were to choose from.
    pub offered: usize,
}

/// What the measure says, at its shortest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Too few windows, or no efficiency to speak of.
    Inconclusive,
    /// Little or nothing was left.
    LikelyOverfitted,
    /// At least half was left.
    HeldUp,
}

const DEFINITION: &str = "sharpeEfficiency: mean out-of-sample Sharpe ratio over mean in-sample Sharpe ratio \
                          of the chosen combinations; returnEfficiency: the same with simple returns a year \
                          (Pardo 2008, walk-forward efficiency). 1 means that all of it was left, 0 nothing, \
                          below 0 a loss.";

/// Returns the measure over `windows`, whose choices are combinations of `grid`; `tried` of
/// them made sense.
pub fn judge(windows: &[Window], grid: &Grid, tried: usize) -> Overfitting {
    let both: Vec<(f64, f64)> = windows
        .iter()
        .filter_map(|window| Some((window.in_sample?.sharpe?, window.out_of_sample.sharpe.unwrap_or(0.0))))
        .collect();
    let mean_in_sample_sharpe = mean(both.iter().map(|pair| pair.0));
    let mean_out_of_sample_sharpe = mean(both.iter().map(|pair| pair.1));
    let sharpe_efficiency = efficiency(mean_in_sample_sharpe, mean_out_of_sample_sharpe);
    let a_year = |total: f64, sessions: usize| total * PERIODS_PER_YEAR / sessions as f64;
    let chosen = || windows.iter().filter_map(|window| Some((window, window.in_sample?)));
    let return_efficiency = efficiency(
        mean(chosen().map(|(window, before)| a_year(before.total_return, window.train_sessions))),
        mean(chosen().map(|(window, _)| a_year(window.out_of_sample.total_return, window.test_sessions))),
    );
    let verdict = match sharpe_efficiency {
        Some(left) if left < ROBUST && windows.len() >= FEW_WINDOWS => Verdict::LikelyOverfitted,
        Some(left) if left >= ROBUST && windows.len() >= FEW_WINDOWS => Verdict::HeldUp,
        _ => Verdict::Inconclusive,
    };
    let mut found = Overfitting {
        combinations_tried: tried,
        windows: windows.len(),
        profitable_windows: windows.iter().filter(|window| window.out_of_sample.total_return > 0.0).count(),
        mean_in_sample_sharpe,
        mean_out_of_sample_sharpe,
        sharpe_efficiency,
        return_efficiency,
        stability: stability(windows, grid),
        verdict,
        note: String::new(),
        definition: DEFINITION,
    };
    found.note = note(&found);
    found
}

fn efficiency(before: Option<f64>, after: Option<f64>) -> Option<f64> {
    let before = before.filter(|before| *before > 0.0)?;
    defined(after? / before)
}

fn mean(figures: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = figures.fold((0.0, 0_usize), |(sum, count), figure| (sum + figure, count + 1));
    defined(sum / count as f64)
}

fn stability(windows: &[Window], grid: &Grid) -> Stability {
    let cells: Vec<usize> = windows.iter().filter_map(|window| window.cell).collect();
    let pairs = windows.windows(2).filter(|pair| pair[0].cell.is_some() && pair[1].cell.is_some());
    let (same, all) = pairs.fold((0_usize, 0_usize), |(same, all), pair| {
        (same + usize::from(pair[0].cell == pair[1].cell), all + 1)
    });
    let choices: Vec<Vec<f64>> = cells.iter().map(|&cell| grid.values(cell)).collect();
    let parameters = grid
        .axes()
        .iter()
        .enumerate()
        .filter_map(|(at, axis)| {
            let mut chosen: Vec<f64> = choices.iter().map(|values| values[at]).collect();
            chosen.sort_by(f64::total_cmp);
            let (&min, &max) = (chosen.first()?, chosen.last()?);
            chosen.dedup();
            let (distinct, offered) = (chosen.len(), axis.values.len());
            Some(ParameterSpread { name: axis.name.clone(), min, max, distinct, offered })
        })
        .collect();
    let mut distinct = cells;
    distinct.sort_unstable();
    distinct.dedup();
    Stability {
        distinct_choices: distinct.len(),
        repeated: (all > 0).then(|| same as f64 / all as f64),
        parameters,
    }
}

fn note(found: &Overfitting) -> String {
    let mut text = format!(
        "In each of {} the best of {} was chosen by looking back, which flatters it; only the sessions that \
         followed count.",
        count(found.windows, "window"),
        count(found.combinations_tried, "combination"),
    );
    match (found.mean_in_sample_sharpe, found.mean_out_of_sample_sharpe, found.sharpe_efficiency) {
        (Some(before), Some(after), Some(left)) => {
            let _ = write!(
                text,
                " The mean Sharpe ratio went from {before:.2} where chosen to {after:.2} afterwards: {:.0} % of \
                 it was left.",
                100.0 * left
            );
        }
        (Some(before), Some(after), None) => {
            let _ = write!(
                text,
                " The mean Sharpe ratio was {before:.2} even where chosen and {after:.2} afterwards: there is \
                 no promise to keep."
            );
        }
        _ => text.push_str(" No choice had a Sharpe ratio, so nothing can be compared."),
    }
    let _ = write!(
        text,
        " {} of {} made money in the test.",
        found.profitable_windows,
        count(found.windows, "window")
    );
    if let Some(repeated) = found.stability.repeated {
        let _ = write!(
            text,
            " {} chosen; {:.0} % of windows kept the choice of the one before.",
            match found.stability.distinct_choices {
                1 => "1 combination was".to_owned(),
                many => format!("{many} different combinations were"),
            },
            100.0 * repeated
        );
    }
    text.push_str(match found.verdict {
        Verdict::Inconclusive if found.windows < FEW_WINDOWS => {
            " So few windows are weak evidence either way."
        }
        Verdict::Inconclusive => " This is no evidence for the rule.",
        Verdict::LikelyOverfitted => {
            " Less than half being left is the usual sign that the choice fits noise rather than a habit of the \
             market."
        }
        Verdict::HeldUp => {
            " At least half was left, which speaks for the rule on these bars; it is no promise for others."
        }
    });
    text
}

fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}
