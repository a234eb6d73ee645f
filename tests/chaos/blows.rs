//! Blows that fall on workers and database while they work, spread over a run in a random order.

use std::time::{Duration, Instant};

use rand::{
    Rng,
    rngs::StdRng,
    seq::{IteratorRandom, SliceRandom},
};

use super::{
    fleet::{Fleet, LEASE},
    server::{Server, Stop},
    tier::sized,
};

/// Workers that are hit. One more is spared: who has not held its own leases for a while rescues
/// nobody else's, and these live too short for that.
const HIT: usize = 3;
/// How many workers a fleet under blows has.
pub(super) const WORKERS: usize = HIT + 1;
/// How long a frozen one stays so.
const FROZEN: Duration = LEASE.saturating_mul(2);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Blow {
    Kill,
    Freeze,
    Stop(Stop),
}

/// What is to be got done under blows.
pub(super) struct Work<'a, F> {
    /// What is counted, in the plural.
    pub(super) what: &'a str,
    /// How many there are.
    pub(super) total: usize,
    /// How many are done; `None` while nobody can tell.
    pub(super) done: F,
    /// How often that is asked.
    pub(super) every: Duration,
    /// Within what, from the first blow on, the last one falls.
    pub(super) limit: Duration,
}

/// All blows of a run.
pub(super) struct Blows(Vec<Blow>);

impl Blows {
    /// Draws a run's blows: so many `kills` in the small tier.
    pub(super) fn draw(kills: usize, rng: &mut StdRng) -> Self {
        let (kills, freezes, stops) = sized((kills, 1, 1), (50, 8, 5));
        let mut blows = vec![Blow::Kill; kills];
        blows.extend(vec![Blow::Freeze; freezes]);
        let ways = [Stop::Fast, Stop::Immediate];
        let first = rng.random_range(0..ways.len());
        blows.extend((0..stops).map(|i| Blow::Stop(ways[(first + i) % ways.len()])));
        blows.shuffle(rng);
        Self(blows)
    }

    /// Returns how many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Lets each blow fall once its share of the work is done, and returns when nobody is frozen
    /// any more.
    pub(super) async fn fall<F: AsyncFn() -> Option<usize>>(
        &self,
        fleet: &mut Fleet,
        server: &mut Server,
        rng: &mut StdRng,
        work: Work<'_, F>,
    ) {
        let Work { what, total, done, every, limit } = work;
        let started = Instant::now();
        let mut frozen = Frozen::default();
        for (number, blow) in self.0.iter().enumerate() {
            // The first falls on workers that have something in hand.
            let due = total * (number + 1) / (self.len() + 2);
            loop {
                let seen = done().await;
                if seen.is_some_and(|seen| seen >= due) {
                    break;
                }
                assert!(started.elapsed() < limit, "{seen:?} of {total} {what} after {limit:?}");
                frozen.thaw(fleet);
                tokio::time::sleep(every).await;
            }
            match *blow {
                Blow::Kill => fleet.kill(frozen.other(fleet, rng).await),
                Blow::Freeze => {
                    let index = frozen.other(fleet, rng).await;
                    fleet.freeze(index);
                    frozen.0.push((index, Instant::now()));
                }
                Blow::Stop(how) => {
                    server.stop(how).await;
                    server.start_again().await;
                }
            }
        }
        while !frozen.0.is_empty() {
            frozen.thaw(fleet);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Workers that are frozen, and since when.
#[derive(Default)]
struct Frozen(Vec<(usize, Instant)>);

impl Frozen {
    /// Draws a worker that is not frozen, once there is one: killed while it is frozen, it would
    /// never write late, and the fence would go untried.
    async fn other(&mut self, fleet: &Fleet, rng: &mut StdRng) -> usize {
        loop {
            let free = (0..HIT).filter(|index| self.0.iter().all(|(frozen, _)| frozen != index));
            if let Some(index) = free.choose(rng) {
                return index;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
            self.thaw(fleet);
        }
    }

    /// Lets those go on that have been frozen for long enough.
    fn thaw(&mut self, fleet: &Fleet) {
        self.0.retain(|(index, since)| {
            let due = since.elapsed() >= FROZEN;
            if due {
                fleet.thaw(*index);
            }
            !due
        });
    }
}
