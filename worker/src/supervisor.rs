//! Child processes of this very binary: started, restarted when they exit, stopped together.
//!
//! Each child's standard input is a pipe that only this process holds open. However this process
//! ends, `kill -9` included, the kernel closes it, and the child stops by itself at end of file.

mod child;

pub use child::ChildSpec;

use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use tokio::sync::watch;
use tokio::task::JoinSet;

use child::{Arguments, State};

/// Set to `1` in the environment of every child.
pub const SUPERVISED: &str = "CAPSTAN_SUPERVISED";

/// How long a killed process may take to be reaped.
const REAP_LIMIT: Duration = Duration::from_secs(2);

/// Resolves when the process that supervises this one is gone; never when there is none (the
/// environment lacks `CAPSTAN_SUPERVISED=1`). Reads standard input, so call it once.
pub async fn parent_gone() {
    if std::env::var_os(SUPERVISED).is_none_or(|value| value != "1") {
        return std::future::pending().await;
    }
    let (gone, told) = tokio::sync::oneshot::channel();
    // A plain thread: the runtime would wait for a blocking read of its own at shutdown.
    std::thread::spawn(move || {
        let mut buffer = [0_u8; 256];
        let mut stdin = std::io::stdin().lock();
        loop {
            match stdin.read(&mut buffer) {
                Ok(0) => break,
                Err(error) if error.kind() != std::io::ErrorKind::Interrupted => break,
                _ => {}
            }
        }
        let _ = gone.send(());
    });
    let _ = told.await;
}

/// One supervised child as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChildStatus {
    /// The name it was given.
    pub name: String,
    /// Its process id, `None` between two lives.
    pub pid: Option<u32>,
    /// How often it has been restarted.
    pub restarts: u32,
    /// How its last life ended; empty during the first.
    pub last_exit: String,
}

/// The children of this process.
#[derive(Debug)]
pub struct Supervisor {
    children: Vec<Handle>,
    tasks: JoinSet<()>,
    stopping: watch::Sender<bool>,
}

#[derive(Debug)]
struct Handle {
    name: String,
    state: Arc<Mutex<State>>,
    arguments: Arguments,
}

impl Default for Supervisor {
    fn default() -> Self {
        Self { children: Vec::new(), tasks: JoinSet::new(), stopping: watch::channel(false).0 }
    }
}

impl Supervisor {
    /// Returns a supervisor without children.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts a child and keeps it running: an exit is logged, and after a pause that doubles from
    /// 0.2 s to 5 s (and falls back once a life was long) the child is started again.
    ///
    /// # Errors
    /// Only when the first start fails, for example because the program is missing.
    pub fn spawn(&mut self, spec: ChildSpec) -> std::io::Result<()> {
        let state = Arc::new(Mutex::new(State::default()));
        let arguments = spec.arguments.clone();
        let name = spec.name.clone();
        let first = spec.start(&state)?;
        let watched = child::keep_running(spec, first, Arc::clone(&state), self.stopping.subscribe());
        self.tasks.spawn(watched);
        self.children.push(Handle { name, state, arguments });
        Ok(())
    }

    /// Changes the arguments that the named child gets at its next start.
    pub fn set_arguments(&self, name: &str, arguments: Vec<String>) {
        if let Some(handle) = self.children.iter().find(|handle| handle.name == name) {
            *handle.arguments.lock().unwrap_or_else(PoisonError::into_inner) = arguments;
        }
    }

    /// Returns every child as it is now, in the order of their start.
    pub fn statuses(&self) -> Vec<ChildStatus> {
        let status = |handle: &Handle| {
            let state = handle.state.lock().unwrap_or_else(PoisonError::into_inner);
            ChildStatus {
                name: handle.name.clone(),
                pid: state.pid,
                restarts: state.restarts,
                last_exit: state.last_exit.clone(),
            }
        };
        self.children.iter().map(status).collect()
    }

    /// Stops all children: SIGTERM, then SIGKILL to the process groups of those still there after
    /// `grace`. Returns how many had to be killed. May be dropped and called again.
    pub async fn stop_all(&mut self, grace: Duration) -> usize {
        self.stopping.send_replace(true);
        for pid in self.pids() {
            let _ = kill(pid, Signal::SIGTERM);
        }
        if tokio::time::timeout(grace, self.drained()).await.is_ok() {
            return 0;
        }
        let left = self.pids();
        for pid in &left {
            tracing::warn!(pid = pid.as_raw(), "child {pid} ignored SIGTERM for {grace:?}; killing it");
            let _ = killpg(*pid, Signal::SIGKILL);
        }
        let _ = tokio::time::timeout(REAP_LIMIT, self.drained()).await;
        left.len()
    }

    async fn drained(&mut self) {
        while self.tasks.join_next().await.is_some() {}
    }

    fn pids(&self) -> Vec<Pid> {
        let pids = self.statuses().into_iter().filter_map(|status| status.pid);
        pids.filter_map(|pid| i32::try_from(pid).ok()).map(Pid::from_raw).collect()
    }
}

#[cfg(test)]
mod tests;
