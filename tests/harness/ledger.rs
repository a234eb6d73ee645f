//! A ledger behind HTTP, as a broker is: it takes entries, forgets nothing, and fails on request.
//!
//! `POST /entries {id, entry_id}` enters; `GET /entries/{id}` says whether there is such an entry.
//! The faults are drawn from a seed.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing::{get, post},
};
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde::Deserialize;
use tokio::{net::TcpListener, task::JoinHandle, time::sleep};
use uuid::Uuid;

/// Longer than any client waits.
const SILENCE: Duration = Duration::from_secs(4);

/// How the ledger behaves.
#[derive(Debug, Clone, Copy)]
pub struct LedgerOptions {
    /// Where the faults come from.
    pub seed: u64,
    /// The share of calls that fail, from 0 to 1: half of them after the entry was accepted. A
    /// quarter of the failing calls gets no answer at all, the others get 502 or 503.
    pub faults: f64,
    /// Whether a second entry of the same id is the first one again.
    pub dedups: bool,
    /// How long every call takes.
    pub takes: Duration,
}

impl Default for LedgerOptions {
    /// A ledger without faults.
    fn default() -> Self {
        Self { seed: 0, faults: 0.0, dedups: true, takes: Duration::ZERO }
    }
}

/// What happens to one call.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Served,
    Refused { silent: bool },
    AnswerLost { silent: bool },
}

struct Book {
    options: LedgerOptions,
    rng: StdRng,
    /// Every accepted entry: its id and what it is about.
    entries: Vec<(Uuid, Uuid)>,
    ids: BTreeSet<Uuid>,
    /// Attempts to enter, by what they are about.
    posts: BTreeMap<Uuid, u64>,
    faults: u64,
}

impl Book {
    fn fate(&mut self) -> Fate {
        if self.rng.random::<f64>() >= self.options.faults {
            return Fate::Served;
        }
        self.faults += 1;
        let silent = self.rng.random_ratio(1, 4);
        if self.rng.random() { Fate::Refused { silent } } else { Fate::AnswerLost { silent } }
    }

    fn enter(&mut self, entry: &Entry) {
        if self.ids.insert(entry.id) || !self.options.dedups {
            self.entries.push((entry.id, entry.entry_id));
        }
    }
}

type Shared = Arc<Mutex<Book>>;

#[derive(Deserialize)]
struct Entry {
    id: Uuid,
    entry_id: Uuid,
}

/// A running ledger; it stops with this value.
#[derive(Debug)]
pub struct LedgerServer {
    /// Where it listens, as `http://host:port`.
    pub url: String,
    book: SharedBook,
    serving: JoinHandle<()>,
}

struct SharedBook(Shared);

impl fmt::Debug for SharedBook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Book")
    }
}

/// What the ledger holds, against what it should.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Expected, and not there.
    pub lost: Vec<Uuid>,
    /// There more than once.
    pub twice: Vec<Uuid>,
    /// There, and not expected.
    pub foreign: Vec<Uuid>,
}

impl LedgerServer {
    /// Starts a ledger on a free port of the loopback interface.
    pub async fn start(options: LedgerOptions) -> Self {
        let book = Arc::new(Mutex::new(Book {
            options,
            rng: StdRng::seed_from_u64(options.seed),
            entries: Vec::new(),
            ids: BTreeSet::new(),
            posts: BTreeMap::new(),
            faults: 0,
        }));
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await;
        let listener = listener.expect("the loopback interface has a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let router = Router::new()
            .route("/entries", post(enter))
            .route("/entries/{id}", get(look_up))
            .with_state(Arc::clone(&book));
        let serving = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("serving ends only with the task");
        });
        Self { url: format!("http://{address}"), book: SharedBook(book), serving }
    }

    /// Returns how many entries there are.
    pub fn len(&self) -> usize {
        lock(&self.book.0).entries.len()
    }

    /// Returns whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns whether there is an entry about `entry_id`.
    pub fn has(&self, entry_id: Uuid) -> bool {
        lock(&self.book.0).entries.iter().any(|(_, about)| *about == entry_id)
    }

    /// Returns how often somebody tried to enter `entry_id`, successfully or not.
    pub fn posts(&self, entry_id: Uuid) -> u64 {
        lock(&self.book.0).posts.get(&entry_id).copied().unwrap_or(0)
    }

    /// Returns the attempts to enter anything, and the calls that failed on purpose.
    pub fn calls(&self) -> (u64, u64) {
        let book = lock(&self.book.0);
        (book.posts.values().sum(), book.faults)
    }

    /// Compares the entries with those that should be there, each once.
    pub fn verdict(&self, expected: &[Uuid]) -> Verdict {
        let mut counts: BTreeMap<Uuid, usize> = expected.iter().map(|id| (*id, 0)).collect();
        let mut verdict = Verdict::default();
        for (_, about) in &lock(&self.book.0).entries {
            match counts.get_mut(about) {
                Some(count) => *count += 1,
                None => verdict.foreign.push(*about),
            }
        }
        for (about, count) in counts {
            match count {
                0 => verdict.lost.push(about),
                1 => {}
                _ => verdict.twice.push(about),
            }
        }
        verdict
    }
}

impl Drop for LedgerServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn lock(book: &Mutex<Book>) -> MutexGuard<'_, Book> {
    // Every change is one statement: a panic elsewhere spoils nothing.
    book.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn enter(State(book): State<Shared>, Json(entry): Json<Entry>) -> StatusCode {
    let (fate, takes) = {
        let mut book = lock(&book);
        *book.posts.entry(entry.entry_id).or_default() += 1;
        (book.fate(), book.options.takes)
    };
    sleep(takes).await;
    match fate {
        Fate::Refused { silent } => {
            stay_silent(silent).await;
            StatusCode::SERVICE_UNAVAILABLE
        }
        Fate::AnswerLost { silent } => {
            lock(&book).enter(&entry);
            stay_silent(silent).await;
            StatusCode::BAD_GATEWAY
        }
        Fate::Served => {
            lock(&book).enter(&entry);
            StatusCode::CREATED
        }
    }
}

async fn look_up(State(book): State<Shared>, Path(id): Path<Uuid>) -> StatusCode {
    let (fate, known, takes) = {
        let mut book = lock(&book);
        (book.fate(), book.ids.contains(&id), book.options.takes)
    };
    sleep(takes).await;
    match fate {
        Fate::Refused { silent } | Fate::AnswerLost { silent } => {
            stay_silent(silent).await;
            StatusCode::SERVICE_UNAVAILABLE
        }
        Fate::Served if known => StatusCode::OK,
        Fate::Served => StatusCode::NOT_FOUND,
    }
}

async fn stay_silent(silent: bool) {
    if silent {
        sleep(SILENCE).await;
    }
}
