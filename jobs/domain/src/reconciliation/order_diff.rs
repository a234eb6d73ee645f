//! Compares orders.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::{Correction, Mismatch, OurOrder, Patience, TheirOrder};
use crate::order::{Advance, OrderStatus, advance};

/// Returns the corrections of ours by client id, then foreign orders by broker id.
pub(super) fn orders(ours: &[OurOrder], theirs: &[TheirOrder], patience: Patience) -> Vec<Correction> {
    let by_client_id: BTreeMap<&str, &TheirOrder> =
        theirs.iter().map(|order| (order.client_order_id.as_str(), order)).collect();
    let by_broker_id: BTreeMap<&str, &TheirOrder> =
        theirs.iter().map(|order| (order.broker_order_id.as_str(), order)).collect();
    let sorted: BTreeMap<&str, &OurOrder> =
        ours.iter().map(|order| (order.client_order_id.as_str(), order)).collect();

    let mut corrections = Vec::new();
    let mut known = BTreeSet::new();
    for (client_id, our) in sorted {
        let their = by_client_id
            .get(client_id)
            .or_else(|| by_broker_id.get(our.broker_order_id.as_deref()?))
            .copied();
        match their {
            Some(their) => {
                known.insert(their.broker_order_id.as_str());
                pair(our, their, patience, &mut corrections);
            }
            None => corrections.extend(absent(our, patience)),
        }
    }
    let foreign = by_broker_id.into_iter().filter(|(broker_id, _)| !known.contains(broker_id));
    corrections.extend(foreign.map(|(_, order)| Correction::Import { order: order.clone() }));
    corrections
}

/// Compares an order that both sides have.
fn pair(our: &OurOrder, their: &TheirOrder, patience: Patience, corrections: &mut Vec<Correction>) {
    let client_order_id = || our.client_order_id.clone();
    if our.broker_order_id.as_deref() != Some(their.broker_order_id.as_str()) {
        corrections.push(Correction::Identify {
            client_order_id: client_order_id(),
            broker_order_id: their.broker_order_id.clone(),
        });
    }
    if our.progress.status == OrderStatus::Halted {
        return;
    }
    let (mine, seen) = (&our.progress, &their.progress);
    let ended_alike =
        mine.status.is_terminal() && mine.status == seen.status && mine.filled_qty == seen.filled_qty;
    if ended_alike {
        return;
    }
    if let Some(mismatch) = mismatch(our, their) {
        corrections.push(Correction::Halt { client_order_id: client_order_id(), mismatch });
        return;
    }
    // The row may say pending although an attempt was cut off before it could say more.
    let outranked = mine.status.is_terminal() || mine.status == OrderStatus::Pending;
    let client_order_id = client_order_id();
    let contradiction = if outranked && seen.filled_qty >= mine.filled_qty {
        Correction::Overrule { client_order_id: client_order_id.clone(), to: *seen }
    } else {
        Correction::Halt { client_order_id: client_order_id.clone(), mismatch: Mismatch::Progress }
    };
    match advance(mine, seen) {
        Advance::Apply => corrections.push(Correction::Advance { client_order_id, to: *seen }),
        Advance::Illegal => corrections.push(contradiction),
        // Ended here, still open there: a list may be older than our news, but not for long.
        Advance::Stale if mine.status.is_terminal() && is_over(mine.updated_at, patience) => {
            corrections.push(contradiction);
        }
        Advance::Stale => {}
    }
}

/// Judges an order that the broker does not list.
fn absent(our: &OurOrder, patience: Patience) -> Option<Correction> {
    let client_order_id = our.client_order_id.clone();
    match our.progress.status {
        OrderStatus::Submitting => {
            let since = our.sent_at.unwrap_or(our.progress.updated_at);
            is_over(since, patience).then_some(Correction::Resend { client_order_id })
        }
        OrderStatus::Pending | OrderStatus::Halted => None,
        status if status.is_terminal() => None,
        _ => is_over(our.progress.updated_at, patience)
            .then_some(Correction::Halt { client_order_id, mismatch: Mismatch::Vanished }),
    }
}

fn is_over(since: DateTime<Utc>, patience: Patience) -> bool {
    patience.now - since > patience.grace
}

fn mismatch(our: &OurOrder, their: &TheirOrder) -> Option<Mismatch> {
    let filled = their.progress.filled_qty;
    let overfilled =
        filled > our.progress.filled_qty && our.amount.units().is_some_and(|units| filled > units);
    if our.symbol != their.symbol {
        Some(Mismatch::Symbol)
    } else if our.side != their.side {
        Some(Mismatch::Side)
    } else if our.amount != their.amount || overfilled {
        Some(Mismatch::Quantity)
    } else {
        None
    }
}
