//! Real `capstan` processes: started, signalled, awaited, and killed with the test.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read},
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{self, Signal},
    unistd::Pid,
};

use crate::{eventually, pooler};

const MARKER: &str = "http://";
/// How long the last lines of a process that has ended are waited for: whoever inherited its
/// pipes may keep them open.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// A `capstan` command line under construction.
///
/// The child gets the test profile and none of the caller's own settings.
#[derive(Debug, Clone)]
pub struct Capstan {
    args: Vec<String>,
    env: BTreeMap<String, String>,
}

impl Capstan {
    /// Returns the command `capstan <args>`.
    pub fn command(args: &[&str]) -> Self {
        // A supervised child also stops when this process is killed and its pipe closes.
        let supervised = (worker::supervisor::SUPERVISED, "1");
        let env = [("CAPSTAN_PROFILE", "test"), ("NO_COLOR", "1"), ("RUST_BACKTRACE", "1"), supervised];
        Self {
            args: args.iter().map(ToString::to_string).collect(),
            env: env.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect(),
        }
    }

    /// Returns `capstan api` on a free port of the loopback interface.
    pub fn api(database_url: &str) -> Self {
        Self::command(&["api"]).database(database_url).env("CAPSTAN__API__LISTEN", "127.0.0.1:0")
    }

    /// Returns `capstan worker`.
    pub fn worker(database_url: &str) -> Self {
        Self::command(&["worker"]).database(database_url)
    }

    /// Points the process to a database.
    #[must_use]
    pub fn database(self, url: &str) -> Self {
        match pooler::shared_through(url) {
            Some(pooled) => self.env("CAPSTAN__DATABASE__DIRECT_URL", url).env("DATABASE_URL", &pooled),
            None => self.env("DATABASE_URL", url),
        }
    }

    /// Sets a variable of its environment.
    #[must_use]
    pub fn env(mut self, key: &str, value: &str) -> Self {
        self.env.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Starts the process; panics when the binary was not built.
    pub fn start(&self) -> Process {
        let mut child = self.spawn();
        let log = Arc::new(Mutex::new(String::new()));
        let mut readers = Vec::new();
        // The readers end with the process, whose ends of the pipes they hold.
        if let Some(stdout) = child.stdout.take() {
            readers.push(collect(stdout, Arc::clone(&log)));
        }
        if let Some(stderr) = child.stderr.take() {
            readers.push(collect(stderr, Arc::clone(&log)));
        }
        Process { name: self.args.join(" "), child, log, readers }
    }

    /// Starts the process without reading what it writes: see [`Process::abandon`].
    pub fn start_unread(&self) -> Process {
        Process { name: self.args.join(" "), child: self.spawn(), log: Arc::default(), readers: Vec::new() }
    }

    fn spawn(&self) -> Child {
        let binary = binary();
        let mut command = Command::new(&binary);
        command.args(&self.args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        for (key, _) in std::env::vars() {
            if key.starts_with("CAPSTAN") || key == "DATABASE_URL" || key == "RUST_LOG" {
                command.env_remove(key);
            }
        }
        command
            .envs(&self.env)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {} {:?}: {error}", binary.display(), self.args))
    }
}

/// A running (or ended) `capstan` process; dropping it kills it.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
}

impl Process {
    /// Returns the process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Returns what the process has written so far, both streams in order of arrival.
    pub fn log(&self) -> String {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).expect("process ids are below 2^22");
        signal::kill(Pid::from_raw(id), signal)
            .unwrap_or_else(|error| panic!("cannot send {signal} to capstan {}: {error}", self.name));
    }

    /// Closes this end of the pipes of a process that was started unread, as if this process,
    /// its supervisor, had been killed.
    pub fn abandon(&mut self) {
        drop((self.child.stdin.take(), self.child.stdout.take(), self.child.stderr.take()));
    }

    /// Ends the process with SIGKILL and waits until it is gone.
    pub fn kill(&mut self) {
        self.child.kill().and_then(|()| self.child.wait()).expect("a child of this process can be killed");
    }

    /// Returns its exit status if it has ended.
    pub fn exited(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the child was not waited for elsewhere")
    }

    /// Waits until the process ends by itself, and what it wrote last was read; panics with its log
    /// after `limit`.
    #[track_caller]
    pub fn ended(&mut self, limit: Duration) -> impl Future<Output = ExitStatus> {
        let what = format!("capstan {} ends", self.name);
        let mut gone: Option<Instant> = None;
        eventually(what, limit, async move || {
            let Some(status) = self.exited() else { return Err(Log(self.log())) };
            let gone = *gone.get_or_insert_with(Instant::now);
            if self.is_read() || gone.elapsed() > LAST_WORDS { Ok(status) } else { Err(Log(self.log())) }
        })
    }

    /// Waits until the process has written `text`; panics with its log after `limit`.
    #[track_caller]
    pub fn says(&mut self, text: &str, limit: Duration) -> impl Future<Output = ()> {
        let what = format!("capstan {} writes {text:?}", self.name);
        eventually(what, limit, async move || {
            let over = self.over();
            let log = self.log();
            if log.contains(text) { Ok(()) } else { Err(self.missing(over, log)) }
        })
    }

    /// Waits for the address that an API announces and returns it as `http://host:port`.
    #[track_caller]
    pub fn url(&mut self, limit: Duration) -> impl Future<Output = String> {
        let what = format!("capstan {} says where it listens", self.name);
        eventually(what, limit, async move || {
            let over = self.over();
            let log = self.log();
            announced(&log).ok_or_else(|| self.missing(over, log))
        })
    }

    /// Returns whether all that the process wrote is in its log.
    fn is_read(&self) -> bool {
        self.readers.iter().all(JoinHandle::is_finished)
    }

    /// Returns how the process ended once nothing more of it can come: ask before reading its log.
    fn over(&mut self) -> Option<ExitStatus> {
        self.exited().filter(|_| self.is_read())
    }

    /// Returns the log that lacks what is waited for; panics when it will never come.
    fn missing(&self, over: Option<ExitStatus>, log: String) -> Log {
        if let Some(status) = over {
            panic!("capstan {} ended early with {status}; it wrote:\n{log}", self.name);
        }
        Log(log)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- capstan {} wrote:\n{}---", self.name, self.log());
        }
        // An error means that it has ended already.
        let _ = self.child.kill().and_then(|()| self.child.wait());
    }
}

/// Prints as it is, so that a panic shows the lines of a log as lines.
struct Log(String);

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "its log:\n{}", self.0)
    }
}

/// Finds the first complete line with `http://host:port` and returns that part.
fn announced(log: &str) -> Option<String> {
    let complete = &log[..log.rfind('\n')?];
    complete.lines().find_map(|line| {
        let (_, address) = line.split_once(MARKER)?;
        let end = address.find(|c: char| !(c.is_ascii_alphanumeric() || ".:-".contains(c)));
        let address = &address[..end.unwrap_or(address.len())];
        let (_, port) = address.rsplit_once(':')?;
        port.parse::<u16>().ok().filter(|port| *port != 0)?;
        Some(format!("{MARKER}{address}"))
    })
}

fn collect(stream: impl Read + Send + 'static, log: Arc<Mutex<String>>) -> JoinHandle<()> {
    thread::spawn(move || {
        for line in BufReader::new(stream).split(b'\n') {
            let Ok(line) = line else { return };
            let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
            log.push_str(&String::from_utf8_lossy(&line));
            log.push('\n');
        }
    })
}

/// The binary lies beside the directory of the running test.
fn binary() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own path");
    let path =
        test.ancestors().nth(2).map(|target| target.join("capstan")).expect("tests lie in target/*/deps");
    assert!(path.exists(), "{} does not exist: run `cargo build --workspace` first", path.display());
    path
}
