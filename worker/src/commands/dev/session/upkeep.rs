//! Keeping the private server up while a session serves.

use std::time::{Duration, Instant};

use anyhow::bail;

use super::super::terminal;
use super::{Database, Session};
use crate::postgres::{Cluster, ClusterOptions};

/// How often the server is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// The pause after a start that was soon in vain; it doubles.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A server that lived for so long is started again at once.
const LONG_LIFE: Duration = Duration::from_secs(30);

impl Session {
    /// Starts the private server again whenever it is gone; otherwise waits for ever. A server
    /// from `DATABASE_URL` is the user's to look after.
    ///
    /// May be dropped at any time: a start under way is found by `stop`.
    ///
    /// # Errors
    /// When the server is back in a place where the processes do not look for it.
    pub(in super::super) async fn keep_database(&mut self) -> anyhow::Result<()> {
        let url = self.url()?;
        let (mut since, mut pause) = (Instant::now(), Duration::ZERO);
        loop {
            let Some(Database::Private(cluster)) = &self.database else {
                return std::future::pending().await;
            };
            let cluster = cluster.clone();
            tokio::time::sleep(LOOK).await;
            let pid = cluster.pid();
            // A look that broke off says nothing.
            if tokio::task::spawn_blocking(move || cluster.runs()).await.unwrap_or(true) {
                continue;
            }
            terminal::complain(&format!("the database server (pid {pid}) is gone; starting it again"));
            if since.elapsed() >= LONG_LIFE {
                pause = Duration::ZERO;
            }
            self.start_again(&mut pause).await;
            if self.url()? != url {
                bail!("the database server moved to {}; start capstan dev again", self.url()?);
            }
            since = Instant::now();
        }
    }

    /// Tries until the server runs, each time after `pause`, which grows.
    async fn start_again(&mut self, pause: &mut Duration) {
        loop {
            tokio::time::sleep(*pause).await;
            *pause = (*pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
            let options = ClusterOptions::new(&self.data_dir);
            self.starting = Some(tokio::task::spawn_blocking(move || Cluster::start(options)));
            let reason = match self.started().await {
                Some(Ok(cluster)) => {
                    let pid = cluster.pid();
                    terminal::complain(&format!("the database server runs again (pid {pid})"));
                    return;
                }
                Some(Err(error)) => error.to_string(),
                None => "the start broke off".to_owned(),
            };
            let seconds = pause.as_secs();
            terminal::complain(&format!(
                "the database server did not start: {reason}\ntrying again in {seconds} s"
            ));
        }
    }
}
