//! Re-runs the cases of a golden file on our engine.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use serde_json::{Value, json};

use super::bars_file;
use super::case::{Case, CaseFile};
use super::outcome::{Line, Outcome};
use super::peers;

/// Arguments of `capstan backtest replay`.
#[derive(Debug, Clone, Args)]
pub struct ReplayArgs {
    /// The golden file: `{"engine", "version", "cases": [...]}`.
    #[arg(long)]
    pub cases: PathBuf,
    /// The folder of the CSV files that the cases name.
    #[arg(long)]
    pub data: PathBuf,
}

/// Prints one JSON object a case and line; fails at the end when any case failed.
pub(super) fn run(args: &ReplayArgs) -> anyhow::Result<()> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    let (mut failed, mut count) = (0, 0);
    let file = load(&args.cases)?;
    for value in &file.cases {
        count += 1;
        let id = value.get("id").and_then(Value::as_str).unwrap_or_default();
        let line = match outcome(&file, value, &args.data) {
            Ok(outcome) => serde_json::to_string(&Line::new(id, &outcome))?,
            Err(error) => {
                failed += 1;
                json!({ "id": id, "error": format!("{error:#}") }).to_string()
            }
        };
        writeln!(out, "{line}")?;
    }
    out.flush()?;
    if failed > 0 {
        bail!("{failed} of {count} cases failed");
    }
    Ok(())
}

/// Returns the golden file at `path`.
pub(super) fn load(path: &Path) -> anyhow::Result<CaseFile> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("in {}", path.display()))
}

/// Re-runs one case of `file` on the CSV files below `data`.
pub(super) fn outcome(file: &CaseFile, value: &Value, data: &Path) -> anyhow::Result<Outcome> {
    let case: Case = serde_json::from_value(value.clone()).context("cannot decode the case")?;
    let series = bars_file::read(&bars_file::locate(data, &case.data)?)?;
    let engine = case.engine.as_deref().or(file.engine.as_deref()).context("the case names no engine")?;
    peers::replay(engine, &case, &series).with_context(|| format!("case {}", case.id))
}
