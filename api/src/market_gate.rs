//! How often this process asks workers for fresh market data, and on whose behalf.
//!
//! A symbol is asked for once within [`ASKED_FOR`], whoever looks at it; and each address or user
//! has a number of turns a minute. Both are this process's own: across processes the jobs' unique
//! keys keep one job at a time.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// How long a symbol that was asked for is not asked for again.
const ASKED_FOR: Duration = Duration::from_secs(10);
/// Symbols, addresses and users that are remembered at most.
const MOST: usize = 10_000;
/// The key of everybody whom there is no room to tell apart.
const OTHERS: &str = "others";
/// In this time all turns come back.
const MINUTE: Duration = Duration::from_mins(1);

/// The gate; clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct MarketGate {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    asked: HashMap<String, Instant>,
    turns: HashMap<String, (f64, Instant)>,
}

impl MarketGate {
    /// Takes one of the `most` turns that `key` has in a minute; else returns how long until the
    /// next one comes back.
    pub(crate) fn turn(&self, key: &str, most: u32, now: Instant) -> Result<(), Duration> {
        let mut inner = self.lock();
        if inner.turns.len() >= MOST {
            // Who took none for a minute has all of them anyway.
            inner.turns.retain(|_, (_, at)| now.saturating_duration_since(*at) < MINUTE);
        }
        let known = inner.turns.contains_key(key) || inner.turns.len() < MOST;
        let key = if known { key } else { OTHERS };
        let most = f64::from(most.max(1));
        let (left, at) = inner.turns.entry(key.to_owned()).or_insert((most, now));
        let back = now.saturating_duration_since(*at).as_secs_f64() / MINUTE.as_secs_f64() * most;
        (*left, *at) = ((*left + back).min(most), now);
        if *left < 1.0 {
            return Err(MINUTE.mul_f64((1.0 - *left) / most));
        }
        *left -= 1.0;
        Ok(())
    }

    /// Returns those of `symbols` that nobody has asked for lately, which now count as asked for;
    /// and when any of `symbols` was asked for last.
    pub(crate) fn ask(&self, symbols: &[String], now: Instant) -> (Vec<String>, Option<Instant>) {
        let mut inner = self.lock();
        if inner.asked.len() + symbols.len() > MOST {
            inner.asked.retain(|_, at| now.saturating_duration_since(*at) < ASKED_FOR);
        }
        let mut new = Vec::new();
        let mut last = None;
        for symbol in symbols {
            let before = inner.asked.get(symbol).copied();
            let lately = before.filter(|at| now.saturating_duration_since(*at) < ASKED_FOR);
            let at = lately.unwrap_or(now);
            if lately.is_none() && inner.asked.len() < MOST {
                inner.asked.insert(symbol.clone(), now);
                new.push(symbol.clone());
            }
            last = last.max(Some(at));
        }
        (new, last)
    }

    /// Forgets that `symbols` were asked for: they were not after all.
    pub(crate) fn take_back(&self, symbols: &[String]) {
        let mut inner = self.lock();
        for symbol in symbols {
            inner.asked.remove(symbol);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Consistent between any two statements here.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_each_ones_own_and_come_back() {
        let (gate, start) = (MarketGate::default(), Instant::now());
        for _ in 0..3 {
            gate.turn("a", 3, start).expect("a turn is left");
        }
        let wait = gate.turn("a", 3, start).expect_err("all are taken");
        assert!(wait <= Duration::from_secs(20), "{wait:?}");
        gate.turn("b", 3, start).expect("another has its own");
        gate.turn("a", 3, start + wait + Duration::from_millis(1)).expect("one came back");
        gate.turn("a", 3, start + wait + Duration::from_millis(2)).expect_err("and it is taken");
    }

    #[test]
    fn strangers_without_number_share_what_is_left() {
        let (gate, start) = (MarketGate::default(), Instant::now());
        for stranger in 0..MOST {
            gate.turn(&stranger.to_string(), 1, start).expect("each has its own");
        }
        gate.turn("late", 1, start).expect("the first of the others");
        gate.turn("later", 1, start).expect_err("the others have one together");
        assert!(gate.lock().turns.len() <= MOST + 1);
        gate.turn("late", 1, start + MINUTE).expect("the others are forgotten after a minute");
    }

    #[test]
    fn a_symbol_is_asked_for_once_in_a_while() {
        let (gate, start) = (MarketGate::default(), Instant::now());
        let both = ["A".to_owned(), "B".to_owned()];
        assert_eq!(gate.ask(&both[..1], start), (vec!["A".to_owned()], Some(start)));
        let later = start + Duration::from_secs(1);
        assert_eq!(gate.ask(&both[..1], later), (Vec::new(), Some(start)));
        assert_eq!(gate.ask(&both, later), (vec!["B".to_owned()], Some(later)));
        gate.take_back(&both[..1]);
        assert_eq!(gate.ask(&both[..1], later).0, ["A"]);
        assert_eq!(gate.ask(&both, later + ASKED_FOR).0, both);
        assert_eq!(gate.ask(&[], start), (Vec::new(), None));
    }
}
