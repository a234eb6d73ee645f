//! How often this process asks workers for fresh market data, and on whose behalf.
//!
//! A symbol is asked for once within [`ASKED_FOR`], whoever looks at it; and each address or user
//! has a number of turns a minute. Addresses without number share a turn; they never take one of a
//! user who is signed in. Both are this process's own: across processes the jobs' unique keys keep
//! one job at a time.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// How long a symbol that was asked for is not asked for again.
const ASKED_FOR: Duration = Duration::from_secs(10);
/// Symbols and addresses that are remembered at most; of users, only those of the last minute are
/// remembered beyond this.
const MOST: usize = 10_000;
/// With this begins the key of a user; any other is an address's.
const USER: &str = "user:";
/// The key of every address that there is no room to tell apart.
const OTHERS: &str = "others";
/// In this time all turns come back.
const MINUTE: Duration = Duration::from_mins(1);
/// A full map is looked through no more often than this: that takes time, and others wait.
const SWEEP: Duration = Duration::from_secs(1);

/// The gate; clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct MarketGate {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    asked: Remembered<Instant>,
    addresses: Remembered<Turns>,
    users: Remembered<Turns>,
}

/// How many turns were left, and when.
type Turns = (f64, Instant);

/// What is remembered for a while.
#[derive(Debug)]
struct Remembered<V> {
    map: HashMap<String, V>,
    swept: Option<Instant>,
}

impl<V> Default for Remembered<V> {
    fn default() -> Self {
        Self { map: HashMap::new(), swept: None }
    }
}

impl<V> Remembered<V> {
    /// Forgets what is older than `age`, unless that was tried just now.
    fn sweep(&mut self, now: Instant, age: Duration, at: impl Fn(&V) -> Instant) {
        if self.swept.is_none_or(|swept| now.saturating_duration_since(swept) >= SWEEP) {
            self.swept = Some(now);
            self.map.retain(|_, value| now.saturating_duration_since(at(value)) < age);
        }
    }
}

impl MarketGate {
    /// Takes one of the `most` turns that `key`, `user:` and an id or else an address, has in a
    /// minute; else returns how long until the next one comes back.
    pub(crate) fn turn(&self, key: &str, most: u32, now: Instant) -> Result<(), Duration> {
        let mut inner = self.lock();
        let is_user = key.starts_with(USER);
        let turns = if is_user { &mut inner.users } else { &mut inner.addresses };
        if turns.map.len() >= MOST {
            // Who took none for a minute has all of them anyway.
            turns.sweep(now, MINUTE, |(_, at)| *at);
        }
        let known = is_user || turns.map.contains_key(key) || turns.map.len() < MOST;
        let key = if known { key } else { OTHERS };
        let most = f64::from(most.max(1));
        let (left, at) = turns.map.entry(key.to_owned()).or_insert((most, now));
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
        let asked = &mut self.lock().asked;
        if asked.map.len() + symbols.len() > MOST {
            asked.sweep(now, ASKED_FOR, |at| *at);
        }
        let mut new = Vec::new();
        let mut last = None;
        for symbol in symbols {
            let before = asked.map.get(symbol).copied();
            let lately = before.filter(|at| now.saturating_duration_since(*at) < ASKED_FOR);
            let at = lately.unwrap_or(now);
            if lately.is_none() && asked.map.len() < MOST {
                asked.map.insert(symbol.clone(), now);
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
            inner.asked.map.remove(symbol);
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
        assert!(gate.lock().addresses.map.len() <= MOST + 1);
        gate.turn("late", 1, start + MINUTE).expect("the others are forgotten after a minute");
    }

    #[test]
    fn a_flood_of_addresses_takes_no_turn_of_a_user_and_users_share_none() {
        let (gate, start) = (MarketGate::default(), Instant::now());
        for stranger in 0..=MOST {
            gate.turn(&format!("address:{stranger}"), 1, start).expect("its own, or that of the others");
        }
        gate.turn("address:late", 1, start).expect_err("the others' one is taken");
        for user in 0..MOST + 2 {
            let key = format!("user:{user}");
            gate.turn(&key, 1, start).expect("a user has his own");
            gate.turn(&key, 1, start).expect_err("and no more");
        }
    }

    #[test]
    fn a_full_map_is_looked_through_once_a_second_at_most() {
        let (gate, start) = (MarketGate::default(), Instant::now());
        for stranger in 0..MOST {
            gate.turn(&stranger.to_string(), 1, start).expect("each has its own");
        }
        let almost = start + MINUTE.saturating_sub(SWEEP / 2);
        gate.turn("late", 1, almost).expect("the first of the others");
        gate.turn("later", 1, start + MINUTE).expect_err("all could be forgotten, but not so soon");
        gate.turn("later", 1, almost + SWEEP).expect("its own");
        assert!(gate.lock().addresses.map.len() < MOST);
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
