//! A company's facts, and the figures that follow from what was filed by a day.
//!
//! One figure appears in many filings; of those filed by the day, the last one counts.

use std::collections::{BTreeMap, HashMap};

use chrono::{Days, NaiveDate};
use rust_decimal::Decimal;
use serde::Deserialize;

use super::super::{CompanyFigures, exact::Exact};

/// The names under which companies tell the same; the first that reaches furthest counts.
const REVENUE: [&str; 4] = [
    "RevenueFromContractWithCustomerExcludingAssessedTax",
    "Revenues",
    "RevenueFromContractWithCustomerIncludingAssessedTax",
    "SalesRevenueNet",
];
const INCOME: [&str; 1] = ["OperatingIncomeLoss"];
const LIABILITIES: [&str; 1] = ["Liabilities"];
const EQUITY: [&str; 2] =
    ["StockholdersEquity", "StockholdersEquityIncludingPortionAttributableToNoncontrollingInterest"];
const SHARES: [&str; 2] = ["EntityCommonStockSharesOutstanding", "CommonStockSharesOutstanding"];
/// A year's figures are about so many days; fiscal years have 52 or 53 weeks.
const YEAR: std::ops::RangeInclusive<i64> = 350..=380;
/// The same day of the year before may lie so many days away.
const APART: i64 = 50;

/// What is told of a company.
#[derive(Deserialize)]
pub(super) struct Company {
    pub(super) cik: u64,
    facts: HashMap<String, HashMap<String, Concept>>,
}

#[derive(Deserialize)]
struct Concept {
    units: HashMap<String, Vec<Fact>>,
}

#[derive(Deserialize)]
struct Fact {
    start: Option<NaiveDate>,
    end: NaiveDate,
    val: Exact,
    filed: NaiveDate,
}

/// A value, and when it was filed.
type Filed = (Decimal, NaiveDate);

/// Returns the figures of the last year that was filed by `today`; `None` when nothing was.
pub(super) fn figures(company: &Company, symbol: &str, today: NaiveDate) -> Option<CompanyFigures> {
    let year = |fact: &Fact| fact.start.is_some_and(|start| YEAR.contains(&(fact.end - start).num_days()));
    let moment = |fact: &Fact| fact.start.is_none();
    let revenue = company.told(&REVENUE, "USD", today, year);
    let income = company.told(&INCOME, "USD", today, year);
    let liabilities = company.told(&LIABILITIES, "USD", today, moment);
    let equity = company.told(&EQUITY, "USD", today, moment);
    let shares = company.told(&SHARES, "shares", today, moment);

    let mut filed = Vec::new();
    let growth = |told: &BTreeMap<NaiveDate, Filed>, filed: &mut Vec<NaiveDate>| {
        let (end, (value, on)) = told.last_key_value()?;
        let (_, (before, _)) = a_year_before(told, *end)?;
        filed.push(*on);
        quotient(*value - *before, *before)
    };
    let revenue_growth = growth(&revenue, &mut filed);
    let dilution = growth(&shares, &mut filed);
    let operating_margin = revenue.last_key_value().and_then(|(end, (of, _))| {
        let (earned, on) = income.get(end)?;
        filed.push(*on);
        quotient(*earned, *of)
    });
    let debt_to_equity = equity.last_key_value().and_then(|(end, (own, _))| {
        let (owed, on) = liabilities.get(end)?;
        filed.push(*on);
        quotient(*owed, *own)
    });
    let ends = [&revenue, &equity].map(|told| told.last_key_value().map(|(end, _)| *end));
    Some(CompanyFigures {
        symbol: symbol.to_owned(),
        revenue_growth,
        operating_margin,
        debt_to_equity,
        dilution,
        period_end: ends.into_iter().flatten().max()?,
        filed: filed.into_iter().max()?,
    })
}

impl Company {
    /// Returns the values by the end of their period, as they were known on `today`.
    fn told(
        &self,
        names: &[&str],
        unit: &str,
        today: NaiveDate,
        fits: impl Fn(&Fact) -> bool,
    ) -> BTreeMap<NaiveDate, Filed> {
        let mut best = BTreeMap::<NaiveDate, Filed>::new();
        for name in names {
            let concepts = self.facts.values().filter_map(|taxonomy| taxonomy.get(*name));
            let facts = concepts.filter_map(|concept| concept.units.get(unit)).flatten();
            let mut told = BTreeMap::<NaiveDate, Filed>::new();
            for fact in facts.filter(|fact| fact.filed <= today && fact.end <= fact.filed && fits(fact)) {
                let kept = told.entry(fact.end).or_insert((fact.val.0, fact.filed));
                if kept.1 <= fact.filed {
                    *kept = (fact.val.0, fact.filed);
                }
            }
            let furthest = |told: &BTreeMap<NaiveDate, Filed>| told.last_key_value().map(|(end, _)| *end);
            if furthest(&told) > furthest(&best) {
                best = told;
            }
        }
        best
    }
}

/// Returns the value that lies closest to a year before `end`.
fn a_year_before(told: &BTreeMap<NaiveDate, Filed>, end: NaiveDate) -> Option<(&NaiveDate, &Filed)> {
    let then = end - Days::new(365);
    let away = |day: &NaiveDate| (*day - then).num_days().abs();
    told.iter().filter(|(day, _)| away(day) <= APART).min_by_key(|(day, _)| away(day))
}

/// Returns `part` of `whole`, to four digits; `None` unless the whole is above zero.
fn quotient(part: Decimal, whole: Decimal) -> Option<Decimal> {
    (whole > Decimal::ZERO).then(|| part.checked_div(whole)).flatten().map(|quotient| quotient.round_dp(4))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a date of this test is valid")
    }

    fn company() -> Company {
        let year = |year: i32, val: i64, filed: &str| json!({"start": format!("{year}-01-01"), "end": format!("{year}-12-31"), "val": val, "filed": filed});
        let at = |end: &str, val: i64, filed: &str| json!({"end": end, "val": val, "filed": filed});
        let told = json!({"cik": 7, "entityName": "x", "facts": {
            "us-gaap": {
                "Revenues": {"units": {"USD": [
                    year(2023, 100, "2024-02-20"), year(2024, 120, "2025-02-20"),
                    year(2024, 125, "2026-02-20"), year(2025, 150, "2026-02-20"),
                    {"start": "2025-10-01", "end": "2025-12-31", "val": 40, "filed": "2026-02-20"}]}},
                "OperatingIncomeLoss": {"units": {"USD": [
                    year(2024, 12, "2025-02-20"), year(2025, 30, "2026-02-20")]}},
                "Liabilities": {"units": {"USD": [at("2024-12-31", 50, "2025-02-20")]}},
                "StockholdersEquity": {"units": {"USD": [at("2024-12-31", 100, "2025-02-20")]}}},
            "dei": {"EntityCommonStockSharesOutstanding": {"units": {"shares": [
                at("2024-02-10", 1000, "2024-02-20"), at("2025-02-10", 990, "2025-02-20")]}}}}});
        serde_json::from_str(&told.to_string()).expect("facts as they are told")
    }

    #[test]
    fn only_what_was_filed_by_the_day_counts_and_of_that_the_last() {
        let decimal = |text: &str| Some(text.parse::<Decimal>().expect("a decimal"));
        let company = company();
        let then = figures(&company, "X", day("2025-06-01")).expect("two years are filed");
        assert_eq!(then.revenue_growth, decimal("0.2"));
        assert_eq!(then.operating_margin, decimal("0.1"));
        assert_eq!(then.debt_to_equity, decimal("0.5"));
        assert_eq!(then.dilution, decimal("-0.01"));
        assert_eq!((then.period_end, then.filed), (day("2024-12-31"), day("2025-02-20")));
        let later = figures(&company, "X", day("2026-03-01")).expect("three years are filed");
        assert_eq!(later.revenue_growth, decimal("0.2"), "150 after the restated 125");
        assert_eq!(later.operating_margin, decimal("0.2"));
        let before = figures(&company, "X", day("2026-02-19")).expect("two years are filed");
        assert_eq!(before, then);
        assert_eq!(figures(&company, "X", day("2024-01-01")), None);
    }
}
