//! The exchange half of the sandbox, over its socket: orders, stream, ledger, restart.

mod desk;
mod orders;
mod restart;
mod stream;
