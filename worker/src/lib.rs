//! The composition root: the one place that knows every part of Capstan and puts a process
//! together from them. Nobody depends on this crate but the tests.

pub mod bootstrap;
pub mod cli;
pub mod commands;
pub mod postgres;
pub mod reach;
pub mod shutdown;
pub mod supervisor;
pub mod telemetry;
