//! One supervised child: its recipe, and the loop that starts it again.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, watch};

use super::SUPERVISED;

/// The first pause before a restart.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// The longest pause before a restart.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// A life of this length makes the pause short again.
const LONG_LIFE: Duration = Duration::from_secs(30);

/// Arguments that may change between two lives.
pub(super) type Arguments = Arc<Mutex<Vec<String>>>;

/// What is known of a child from outside its loop.
#[derive(Debug, Default)]
pub(super) struct State {
    /// Its process id while it runs.
    pub(super) pid: Option<u32>,
    /// How often it has been started again.
    pub(super) restarts: u32,
    /// How its last life ended.
    pub(super) last_exit: String,
}

/// How to start a child.
#[derive(Debug)]
pub struct ChildSpec {
    pub(super) name: String,
    pub(super) arguments: Arguments,
    program: PathBuf,
    environment: Vec<(String, String)>,
    lines: Option<mpsc::UnboundedSender<String>>,
}

impl ChildSpec {
    /// Returns the recipe for a child that runs this process's own binary with `arguments`.
    ///
    /// # Errors
    /// When the system cannot say which binary this is.
    pub fn own_binary<'a>(name: &str, arguments: impl IntoIterator<Item = &'a str>) -> std::io::Result<Self> {
        Ok(Self::of(std::env::current_exe()?, name, arguments))
    }

    pub(super) fn of<'a>(program: PathBuf, name: &str, arguments: impl IntoIterator<Item = &'a str>) -> Self {
        let arguments: Vec<String> = arguments.into_iter().map(str::to_owned).collect();
        let arguments = Arc::new(Mutex::new(arguments));
        Self { name: name.to_owned(), arguments, program, environment: Vec::new(), lines: None }
    }

    /// Adds a variable to the child's environment, which is otherwise ours.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sends each line of the child's standard output to `lines`; otherwise it goes to our standard
    /// error. The output is read to its end even when nobody listens any more.
    #[must_use]
    pub fn lines_to(mut self, lines: mpsc::UnboundedSender<String>) -> Self {
        self.lines = Some(lines);
        self
    }

    /// Returns the command: own process group (the terminal's Ctrl-C reaches only us), standard
    /// input a pipe, standard error ours.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(self.arguments.lock().unwrap_or_else(PoisonError::into_inner).iter());
        command.envs(self.environment.iter().map(|(name, value)| (name, value))).env(SUPERVISED, "1");
        command.process_group(0).kill_on_drop(true).stdin(Stdio::piped());
        match self.lines {
            Some(_) => command.stdout(Stdio::piped()),
            None => command.stdout(std::io::stderr()),
        };
        command
    }

    /// Starts one life.
    pub(super) fn start(&self, state: &Mutex<State>) -> std::io::Result<Child> {
        let child = self.command().spawn()?;
        state.lock().unwrap_or_else(PoisonError::into_inner).pid = child.id();
        Ok(child)
    }
}

/// Sees a child through its lives until `stopping` turns true; then waits for the last to end.
pub(super) async fn keep_running(
    spec: ChildSpec,
    first: Child,
    state: Arc<Mutex<State>>,
    mut stopping: watch::Receiver<bool>,
) {
    let lock = || state.lock().unwrap_or_else(PoisonError::into_inner);
    let mut pause = FIRST_PAUSE;
    let mut current = Some(first);
    loop {
        let began = Instant::now();
        let exit = match current.take() {
            Some(child) => one_life(child, spec.lines.as_ref(), &state).await,
            None => "it could not be started".to_owned(),
        };
        if *stopping.borrow() {
            return;
        }
        if began.elapsed() >= LONG_LIFE {
            pause = FIRST_PAUSE;
        }
        lock().last_exit.clone_from(&exit);
        let name = &spec.name;
        tracing::warn!(child = %name, pause_ms = pause.as_millis(), "{name} ended ({exit}); starting it again");
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = stopping.wait_for(|stop| *stop) => return,
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
        lock().restarts += 1;
        match spec.start(&state) {
            Ok(child) => current = Some(child),
            Err(error) => tracing::error!(child = %name, "{name} could not be started: {error}"),
        }
        // A stop that came between the check and the start has signalled nobody.
        if *stopping.borrow()
            && let Some(child) = &current
            && let Some(pid) = child.id().and_then(|pid| i32::try_from(pid).ok())
        {
            let _ =
                nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGTERM);
        }
    }
}

/// Waits for the child's end, reading its output meanwhile, and returns how it ended. There is no
/// limit: running on is what it is for, and a stop ends it from outside.
async fn one_life(
    mut child: Child,
    lines: Option<&mpsc::UnboundedSender<String>>,
    state: &Mutex<State>,
) -> String {
    let stdin = child.stdin.take(); // `wait` would close it, and so tell the child that we are gone
    let output = child.stdout.take();
    let drain = async {
        match output {
            Some(output) => forward(output, lines).await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(drain);
    let mut drained = false;
    let exit = loop {
        tokio::select! {
            exit = child.wait() => break exit,
            () = &mut drain, if !drained => drained = true,
        }
    };
    drop(stdin);
    state.lock().unwrap_or_else(PoisonError::into_inner).pid = None;
    if !drained {
        // What it printed last; a grandchild may hold the pipe open.
        let _ = tokio::time::timeout(Duration::from_millis(200), drain).await;
    }
    exit.map_or_else(|error| error.to_string(), |status| status.to_string())
}

async fn forward(output: impl AsyncRead + Unpin, lines: Option<&mpsc::UnboundedSender<String>>) {
    let mut reader = BufReader::new(output).lines();
    while let Ok(Some(line)) = reader.next_line().await {
        if let Some(lines) = lines {
            let _ = lines.send(line);
        }
    }
}
