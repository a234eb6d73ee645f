//! Our orders against the exchange's ledger.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use suites::{SandboxLedger, SandboxOrder};

/// What is recorded of an order.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub(super) struct OurOrder {
    pub(super) client_order_id: String,
    pub(super) broker_order_id: Option<String>,
    pub(super) symbol: String,
    pub(super) qty: Option<Decimal>,
    pub(super) status: String,
    pub(super) filled_qty: Decimal,
    /// The sum of the recorded fills.
    pub(super) fills: Decimal,
}

/// What is wrong; nothing in the default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    /// Ours, and not at the exchange.
    pub(super) lost: Vec<String>,
    /// At the exchange more than once under one id.
    pub(super) twice: Vec<String>,
    /// At the exchange, and not ours: what a second try under another id leaves.
    pub(super) foreign: Vec<String>,
    /// Placements beyond one an order, whatever their ids.
    pub(super) surplus: u64,
    /// Ours says otherwise than the exchange.
    pub(super) unlike: Vec<String>,
}

/// Compares `ours` with what the exchange accepted.
pub(super) fn judge(ours: &[OurOrder], ledger: &SandboxLedger) -> Verdict {
    let mut theirs: BTreeMap<&str, Vec<&SandboxOrder>> = BTreeMap::new();
    for order in &ledger.orders {
        theirs.entry(&order.client_order_id).or_default().push(order);
    }
    let asked = u64::try_from(ours.len()).expect("a small number");
    let mut verdict = Verdict { surplus: ledger.accepted.saturating_sub(asked), ..Verdict::default() };
    for our in ours {
        match theirs.remove(&*our.client_order_id).as_deref() {
            None | Some([]) => verdict.lost.push(our.client_order_id.clone()),
            Some([their]) => verdict.unlike.extend(difference(our, their)),
            Some(_) => verdict.twice.push(our.client_order_id.clone()),
        }
    }
    verdict.foreign.extend(theirs.into_keys().map(str::to_owned));
    verdict
}

fn difference(our: &OurOrder, their: &SandboxOrder) -> Option<String> {
    let same = our.broker_order_id.as_ref() == Some(&their.order_id)
        && our.symbol == their.symbol
        && our.qty == their.qty
        && our.status == their.status
        && our.filled_qty == their.filled_qty
        && our.fills == their.filled_qty;
    (!same).then(|| format!("{our:?} but {their:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn our(id: &str) -> OurOrder {
        OurOrder {
            client_order_id: id.into(),
            broker_order_id: Some(format!("at-{id}")),
            symbol: "AAPL".into(),
            qty: Some(Decimal::TWO),
            status: "filled".into(),
            filled_qty: Decimal::TWO,
            fills: Decimal::TWO,
        }
    }

    fn their(id: &str) -> SandboxOrder {
        SandboxOrder {
            client_order_id: id.into(),
            order_id: format!("at-{id}"),
            symbol: "AAPL".into(),
            qty: Some(Decimal::TWO),
            status: "filled".into(),
            filled_qty: Decimal::TWO,
            posts: 1,
        }
    }

    fn ledger(orders: Vec<SandboxOrder>) -> SandboxLedger {
        let accepted = u64::try_from(orders.len()).expect("a small number");
        SandboxLedger { orders, posts: accepted, accepted, duplicates: 0 }
    }

    #[test]
    fn what_is_there_once_and_alike_is_right() {
        let verdict = judge(&[our("a"), our("b")], &ledger(vec![their("b"), their("a")]));
        assert_eq!(verdict, Verdict::default());
    }

    #[test]
    fn what_is_missing_doubled_or_unknown_is_named() {
        let theirs = ledger(vec![their("b"), their("b"), their("x")]);
        let expected = Verdict {
            lost: vec!["a".into()],
            twice: vec!["b".into()],
            foreign: vec!["x".into()],
            surplus: 1,
            unlike: vec![],
        };
        assert_eq!(judge(&[our("a"), our("b")], &theirs), expected);
    }

    #[test]
    fn every_difference_counts() {
        let change = |change: fn(&mut OurOrder)| {
            let mut changed = our("a");
            change(&mut changed);
            judge(&[changed], &ledger(vec![their("a")]))
        };
        let cases: [fn(&mut OurOrder); 7] = [
            |order| order.broker_order_id = None,
            |order| order.broker_order_id = Some("another".into()),
            |order| order.symbol = "IBM".into(),
            |order| order.qty = None,
            |order| order.status = "new".into(),
            |order| order.filled_qty = Decimal::ONE,
            |order| order.fills = Decimal::ONE,
        ];
        for (case, made) in cases.into_iter().enumerate() {
            let verdict = change(made);
            assert_eq!(verdict.unlike.len(), 1, "case {case}: {verdict:?}");
            assert_eq!(Verdict { unlike: vec![], ..verdict }, Verdict::default(), "case {case}");
        }
    }
}
