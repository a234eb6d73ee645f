//! Faults: the ways in which a network and a provider fail, on demand and repeatably.
//!
//! Rules are set by `PUT /sandbox/faults` and name a route, how often, and what happens. The
//! draws follow from the seed and the order of requests. Nothing under `/sandbox/` is disturbed.

mod admin;
mod cut;
mod disturb;
mod rule;
mod spoil;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use admin::router;
pub use cut::Cut;
pub use disturb::disturb;
pub use rule::{Kind, Rule};

use crate::prices::Noise;

/// The rules in force, shared by their clones.
#[derive(Debug, Clone)]
pub struct Faults {
    seed: u64,
    rules: Arc<Mutex<Vec<Active>>>,
}

/// A rule, and what it has done.
#[derive(Debug)]
struct Active {
    rule: Rule,
    noise: Noise,
    matched: u64,
    injected: u64,
}

impl Faults {
    /// Returns `rules`, drawn by `seed`.
    pub fn new(seed: u64, rules: Vec<Rule>) -> Self {
        let faults = Self { seed, rules: Arc::default() };
        faults.set(rules);
        faults
    }

    /// Replaces all rules; counts and draws begin anew.
    pub fn set(&self, rules: Vec<Rule>) {
        let active = rules.into_iter().enumerate().map(|(place, rule)| Active {
            noise: Noise::of(self.seed, &["fault", &place.to_string()]),
            rule,
            matched: 0,
            injected: 0,
        });
        *self.rules() = active.collect();
    }

    /// Draws what meets a request: every latency that hits, and the first other fault.
    fn draw(&self, method: &str, path: &str) -> Vec<Kind> {
        let mut met: Vec<Kind> = Vec::new();
        let mut decided = false;
        for active in self.rules().iter_mut().filter(|active| active.rule.covers(method, path)) {
            let is_latency = matches!(active.rule.kind, Kind::Latency { .. });
            if decided && !is_latency {
                continue;
            }
            active.matched += 1;
            let hit = active.noise.unit() < active.rule.rate;
            if !hit || active.rule.first_n.is_some_and(|most| active.injected >= most) {
                continue;
            }
            active.injected += 1;
            decided |= !is_latency;
            met.push(active.rule.kind.clone());
        }
        met
    }

    fn rules(&self) -> MutexGuard<'_, Vec<Active>> {
        // No holder of the lock leaves a rule half counted.
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rule(value: serde_json::Value) -> Rule {
        Rule::read(value).expect("a valid rule")
    }

    #[test]
    fn the_same_seed_meets_the_same_requests() {
        let draws = |seed| {
            let faults = Faults::new(seed, vec![rule(json!({"kind": "reset_before", "rate": 0.3}))]);
            (0..100).map(|_| faults.draw("GET", "/v2/clock").len()).collect::<Vec<_>>()
        };
        assert_eq!(draws(7), draws(7));
        assert_ne!(draws(7), draws(8));
        let hits: usize = draws(7).iter().sum();
        assert!((15..=45).contains(&hits), "{hits}");
    }

    #[test]
    fn a_fault_of_the_first_n_stops_after_them() {
        let only = json!({"route": "/v2/orders", "method": "POST", "first_n": 2, "kind": "lost_answer"});
        let faults = Faults::new(1, vec![rule(only)]);
        assert!(faults.draw("GET", "/v2/orders").is_empty());
        assert!(faults.draw("POST", "/v2/orders/x").is_empty());
        let hits: Vec<_> = (0..4).map(|_| faults.draw("POST", "/v2/orders").len()).collect();
        assert_eq!(hits, [1, 1, 0, 0]);
    }

    #[test]
    fn latency_comes_with_another_fault_and_two_others_do_not() {
        let rules = [
            json!({"kind": "status", "code": 503}),
            json!({"kind": "reset_after"}),
            json!({"kind": "latency", "ms": 5}),
        ];
        let faults = Faults::new(1, rules.into_iter().map(rule).collect());
        let met = faults.draw("GET", "/v2/clock");
        assert_eq!(met, [Kind::Status { code: 503, after: false }, Kind::Latency { ms: 5 }]);
    }
}
