//! A kind with an effect outside Postgres, for fault drills: it enters a line in a ledger that is
//! reached over HTTP, as an order is sent to a broker.
//!
//! Registered only where `worker.exercise` is on. The rules are those of an order: one id in every
//! attempt, a look before another try, and an answer that did not come is *unknown*, never "failed".

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use reqwest::{Client, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::Connection;
use tokio::time::sleep;
use tracing::debug;
use uuid::Uuid;

use crate::{
    environment::Environment,
    failpoint,
    handler::{Handler, Policy, Success},
    job::Job,
    queue::{Backoff, Context, JobError},
};

/// No call to the ledger takes longer.
const CALL_LIMIT: Duration = Duration::from_millis(1500);
/// How often one attempt calls before it leaves the rest to the next one.
const CALLS: u32 = 5;
const WAIT: Duration = Duration::from_millis(50);

static CLIENT: LazyLock<Client> = LazyLock::new(|| {
    Client::builder()
        .no_proxy()
        .connect_timeout(CALL_LIMIT)
        .timeout(CALL_LIMIT)
        .build()
        .expect("a client without TLS and proxies needs nothing of the system")
});

/// The payload.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Ledger {
    /// The ledger's address, as `http://host:port`.
    pub url: String,
    /// What shall be in the ledger once.
    pub entry_id: Uuid,
    /// Who records that it is.
    #[serde(default)]
    pub record: Record,
    /// Where an early attempt pauses, deaf to every request to stop.
    #[serde(default)]
    pub pause: Option<Pause>,
    /// A mistake to make, as proof that the drill would notice it.
    #[serde(default)]
    pub mistake: Option<Mistake>,
}

/// Who records the outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// The handler, in its own transaction.
    #[default]
    Inside,
    /// The queue, with the outcomes of other jobs.
    Flushed,
}

/// A pause between effect and record.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Pause {
    /// Where.
    pub place: Place,
    /// How long.
    pub ms: u64,
    /// The last attempt that pauses, from 1.
    pub attempts: i32,
}

/// Where an attempt pauses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// After the effect, before any write.
    BeforeRecord,
    /// In the recording transaction, which holds the job's row (only [`Record::Inside`]).
    InTransaction,
}

/// What a careless handler would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mistake {
    /// Give every attempt an id of its own.
    NewIds,
    /// Try again without looking whether the first try arrived.
    NoLook,
}

impl Job for Ledger {
    const KIND: &'static str = "ledger";
    const QUEUE: &'static str = "ledger";
}

impl Handler for Ledger {
    const POLICY: Policy = Policy {
        backoff: Backoff { base: Duration::from_millis(100), cap: Duration::from_secs(2) },
        max_failures: 30,
        timeout: Duration::from_mins(2),
    };

    async fn run(self, ctx: Context, env: Arc<Environment>) -> Result<Success, JobError> {
        let id = match self.mistake {
            Some(Mistake::NewIds) => Uuid::new_v4(),
            _ => ctx.idempotency_key(),
        };
        self.enter(&ctx, id).await?;
        self.pause(&ctx, Place::BeforeRecord).await;
        failpoint::hit("after_act");
        let output = json!({ "attempt": ctx.attempt() });
        if self.record == Record::Flushed {
            return Ok(Success::Output(output));
        }
        let mut conn = env.pool.acquire().await?;
        let mut tx = conn.begin().await?;
        ctx.hold(&mut tx).await?;
        self.pause(&ctx, Place::InTransaction).await;
        let success = ctx.complete_in(&mut tx, output).await?;
        failpoint::hit("before_commit");
        tx.commit().await?;
        failpoint::hit("after_commit");
        Ok(success)
    }
}

/// What is known of one try.
enum Tried {
    Entered,
    Refused(StatusCode),
    /// No answer, or one that says nothing about the effect.
    Unknown(String),
}

impl Ledger {
    /// Sees to it that the ledger has the entry under `id`.
    async fn enter(&self, ctx: &Context, id: Uuid) -> Result<(), JobError> {
        // An earlier attempt may have got as far as sending it.
        let mut unsure = ctx.attempt() > 1;
        let mut last = String::new();
        for call in 1..=CALLS {
            if ctx.interruption().is_some() {
                return Err(JobError::Interrupted);
            }
            let look = unsure && self.mistake != Some(Mistake::NoLook);
            match if look { self.look_up(id).await } else { Ok(false) } {
                Ok(true) => return Ok(()),
                Ok(false) => match self.post(id).await {
                    Tried::Entered => return Ok(()),
                    Tried::Refused(status) => {
                        return Err(JobError::fatal("LEDGER_REFUSED", format!("the ledger said {status}")));
                    }
                    Tried::Unknown(why) => {
                        unsure = true;
                        last = why;
                    }
                },
                Err(why) => last = why,
            }
            debug!("call {call} to the ledger: {last}");
            sleep(WAIT * call).await;
        }
        Err(JobError::retryable("LEDGER_UNKNOWN", format!("no clear answer in {CALLS} calls: {last}")))
    }

    async fn look_up(&self, id: Uuid) -> Result<bool, String> {
        let sent = CLIENT.get(format!("{}/entries/{id}", self.url)).send().await;
        match sent.map(|answer| answer.status()) {
            Ok(StatusCode::OK) => Ok(true),
            Ok(StatusCode::NOT_FOUND) => Ok(false),
            Ok(status) => Err(status.to_string()),
            Err(error) => Err(error.to_string()),
        }
    }

    async fn post(&self, id: Uuid) -> Tried {
        let body = json!({ "id": id, "entry_id": self.entry_id });
        let sent = CLIENT.post(format!("{}/entries", self.url)).json(&body).send().await;
        match sent.map(|answer| answer.status()) {
            Ok(status) if status.is_success() => Tried::Entered,
            Ok(status) if status.is_client_error() => Tried::Refused(status),
            Ok(status) => Tried::Unknown(status.to_string()),
            Err(error) => Tried::Unknown(error.to_string()),
        }
    }

    async fn pause(&self, ctx: &Context, place: Place) {
        let Some(pause) = self.pause.filter(|pause| pause.place == place) else { return };
        if ctx.attempt() <= pause.attempts {
            sleep(Duration::from_millis(pause.ms)).await;
        }
    }
}
