//! Reads the bars of one symbol from a CSV file.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use chrono::NaiveDate;
use domain::bars::{Provenance, Series};

/// Returns the bars of the file at `path`, which starts with the header
/// `date,open,high,low,close,volume`; the symbol is the file's name.
pub(super) fn read(path: &Path) -> anyhow::Result<Series> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let symbol = path.file_stem().map(|stem| stem.to_string_lossy().to_uppercase()).unwrap_or_default();
    parse(&text, symbol).with_context(|| format!("in {}", path.display()))
}

fn parse(text: &str, symbol: String) -> anyhow::Result<Series> {
    let mut lines = text.lines();
    let header = lines.next().unwrap_or_default().trim().to_lowercase();
    if header != "date,open,high,low,close,volume" {
        bail!("header is {header:?}, must be date,open,high,low,close,volume");
    }
    let mut series = Series { symbol, ..Series::default() };
    for (number, line) in lines.enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let row = || format!("line {}: {line:?}", number + 2);
        let mut fields = line.trim().split(',');
        let date = fields.next().unwrap_or_default();
        series.dates.push(date.parse::<NaiveDate>().with_context(row)?);
        for column in
            [&mut series.open, &mut series.high, &mut series.low, &mut series.close, &mut series.volume]
        {
            column.push(fields.next().with_context(row)?.parse::<f64>().with_context(row)?);
        }
        series.provenance.push(Provenance::Real);
    }
    Ok(series)
}

/// Returns the file `name` (such as `FB.csv` or `adjusted/FB.csv`) below `dir`. A bare name
/// means unadjusted prices, which may also stand in the folder `raw`.
pub(super) fn locate(dir: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let inside = Path::new(name).components().all(|part| matches!(part, std::path::Component::Normal(_)));
    if !inside {
        bail!("data file {name:?} must lie below the data folder");
    }
    let candidates = [dir.join(name), dir.join("raw").join(name)];
    match candidates.iter().find(|path| path.is_file()) {
        Some(path) => Ok(path.clone()),
        None => bail!("no file {name} in {} or its folder raw", dir.display()),
    }
}
