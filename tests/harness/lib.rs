//! What every suite stands on: databases, the application in process, and real processes.
//!
//! Nothing of the product is replaced here: a test gets the real migrations, the real API and the
//! real worker, each on a database of its own.

pub mod app;
mod client;
mod cluster;
mod database;
mod eventually;
mod ledger;
pub mod pooler;
mod process;
mod proxy;
pub mod requests;
mod sandbox;

pub use app::{TestApp, TestAppBuilder};
pub use client::{Answer, SignedIn};
pub use cluster::PrivateCluster;
pub use database::TestDatabase;
pub use eventually::{Probe, eventually};
pub use ledger::{LedgerOptions, LedgerServer, Verdict};
pub use process::{Capstan, Process};
pub use proxy::{Network, Proxy};
pub use sandbox::{Sandbox, SandboxLedger, SandboxOrder, SandboxPosition};
