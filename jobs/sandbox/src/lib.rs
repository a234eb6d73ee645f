//! Reserved: the simulated exchange and data providers.
//!
//! A server of its own, reached over its socket only, through the adapters that also speak to
//! the real providers. Nothing is here yet.
