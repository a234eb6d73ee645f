//! The server under clients that are slow, many, or odd.

mod anything;
mod sockets;
mod streams;
mod traces;
