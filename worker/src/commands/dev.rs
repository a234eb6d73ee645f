//! `capstan dev`: everything on one machine with one command - a private server, migrations, the
//! API, workers, and one real backtest through the queue to show that it works.

mod banner;
mod demo;
mod grace;
mod instance;
mod listen;
mod password;
mod session;
mod terminal;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::postgres::{self, Install};
use crate::supervisor::parent_gone;
use instance::Claim;
use session::Session;

/// How long a predecessor that was killed may keep its port while its children end.
const PREDECESSOR_LIMIT: Duration = Duration::from_secs(15);
/// How long stopping everything may take.
const STOP_LIMIT: Duration = Duration::from_secs(10);
/// Where the API listens when nobody says otherwise.
const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 5000);

/// The arguments of `capstan dev`.
#[derive(Debug, Clone, clap::Args)]
pub struct DevArgs {
    /// Address the API listens on; port 0 takes a free one [default: 127.0.0.1:5000]
    #[arg(long, value_name = "ADDR", value_parser = listen::parse)]
    pub listen: Option<SocketAddr>,
    /// Where this checkout keeps its database [default: one directory per checkout]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Worker processes
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub workers: u16,
    /// Do not run the demo backtest
    #[arg(long)]
    pub no_demo: bool,
    /// Install PostgreSQL without asking when it is missing
    #[arg(long)]
    pub install: bool,
}

impl Default for DevArgs {
    fn default() -> Self {
        Self { listen: None, data_dir: None, workers: 2, no_demo: false, install: false }
    }
}

/// Runs everything until SIGINT or SIGTERM, then stops what it started, within 10 s.
///
/// When another `capstan dev` already serves the same data directory, says so, runs the demo
/// against that one and returns.
///
/// # Errors
/// When any part does not come up; what was started until then is stopped first.
pub async fn run(args: DevArgs) -> anyhow::Result<()> {
    let data_dir = absolute(args.data_dir.clone())?;
    let mut stop = StopSignals::new()?;
    let claim = tokio::select! {
        claim = instance::claim(&data_dir) => claim?,
        () = stop.next() => return Ok(()),
    };
    let instance = match claim {
        Claim::Held(instance) => instance,
        Claim::Elsewhere { pid, url } => {
            terminal::say(&format!("capstan dev already runs on {} (pid {pid}): {url}", data_dir.display()));
            if let Some(asked) = args.listen.filter(|asked| listen::url_of(*asked) != url) {
                terminal::complain(&format!(
                    "--listen {asked} has no effect: it serves on {url}; stop it first (pid {pid}), or give \
                     this one a --data-dir of its own"
                ));
            }
            return if args.no_demo { Ok(()) } else { demo::run(&url).await };
        }
    };
    let mut session = Session::new(data_dir, instance);
    let served = tokio::select! {
        served = serve(&mut session, &args) => served,
        () = stop.next() => {
            terminal::say("stopping");
            Ok(())
        }
    };
    tokio::select! {
        () = session.stop(STOP_LIMIT) => {}
        () = stop.next() => session.stop(Duration::ZERO).await,
    }
    served
}

/// Brings everything up, shows it, and then serves for ever.
async fn serve(session: &mut Session, args: &DevArgs) -> anyhow::Result<()> {
    let patience = if session.follows_a_crash() { PREDECESSOR_LIMIT } else { Duration::ZERO };
    let address = args.listen.unwrap_or(LISTEN);
    listen::wait_until_free(address, patience).await?;
    session.start_database(Install::from_flag(args.install)).await?;
    session.migrate().await?;
    session.start_exchange().await?;
    let url = session.start_processes(address, args.workers).await?;
    session.print_banner(&url);
    let demo = async {
        if !args.no_demo
            && let Err(error) = demo::run(&url).await
        {
            terminal::complain(&format!("the demo failed: {error:#}; still serving {url}"));
        }
    };
    let (kept, ()) = tokio::join!(session.keep_database(), demo);
    kept
}

/// Returns the `capstan dev` that holds `data_dir`, in words: "capstan dev (pid 12)".
pub(super) fn running(data_dir: &Path) -> anyhow::Result<Option<String>> {
    instance::holder(data_dir)
}

/// Returns the data directory, created and absolute: children have other working directories.
pub(super) fn absolute(data_dir: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    let data_dir = data_dir.unwrap_or_else(postgres::default_data_dir);
    let resolve = |path: &Path| {
        std::fs::create_dir_all(path)?;
        std::fs::canonicalize(path)
    };
    resolve(&data_dir).with_context(|| format!("cannot use {} as data directory", data_dir.display()))
}

/// The signals that end `capstan dev`; a closed terminal counts, unless `nohup` says otherwise.
struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Option<Signal>,
    orphaned: bool,
}

impl StopSignals {
    fn new() -> anyhow::Result<Self> {
        // Before anything is installed: listening would undo an inherited "ignore".
        let hangup = !hangup_is_ignored();
        let on = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self {
            interrupt: on(SignalKind::interrupt())?,
            terminate: on(SignalKind::terminate())?,
            hangup: hangup.then(|| on(SignalKind::hangup())).transpose()?,
            orphaned: false,
        })
    }

    async fn next(&mut self) {
        let Self { interrupt, terminate, hangup, orphaned } = self;
        let hangup = async {
            match hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup => {}
            // Whoever started this process (the end-to-end suite does) is gone; told once.
            () = parent_gone(), if !*orphaned => *orphaned = true,
        }
    }
}

/// Returns whether SIGHUP is ignored, as far as the system tells; where it does not, it is left alone.
fn hangup_is_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_none_or(|mask| mask & 1 == 1)
}
