//! The sandbox: a simulated exchange and simulated data providers, as a server of its own.
//!
//! It speaks the providers' wire formats, so that the adapters that speak to them speak to it
//! unchanged, and it disturbs what it answers as a network and a provider would. Prices are
//! replayed from the bars that ship with the project, on a clock that a test may hold. It must
//! never be reached otherwise than over its socket, and never claims that what it made up is a
//! fact about the market.
//!
//! The exchange's routes begin with `/v2` and `/v1beta1`; the data providers lie under `/polygon`,
//! `/yahoo`, `/finnhub`, `/fred`, `/sec`, `/sec-www` and `/finra`; language models answer
//! `/v1/chat/completions` and `/v1/messages`.
//!
//! Beside the providers' routes there are its own, which ask for no key and so belong on a
//! loopback address:
//!
//! | route | what it does |
//! | --- | --- |
//! | `GET /sandbox/health` | tells that it is there |
//! | `GET`, `POST /sandbox/clock` | shows the clock; moves it by `advance_ms` or `to` an instant |
//! | `GET`, `PUT`, `DELETE /sandbox/faults` | the [`faults`] of requests, with counts |
//! | `GET`, `PUT`, `DELETE /sandbox/stream` | how the trade updates are disturbed ([`stream::Disturb`]) |
//! | `GET /sandbox/ledger` | every accepted order once, with the number of requests for it |
//! | `POST /sandbox/reset` | forgets orders and positions |

pub mod error;
pub mod exchange;
pub mod faults;
pub mod gate;
pub mod hours;
pub mod journal;
pub mod ledger;
pub mod market_data;
mod models;
pub mod msgpack;
pub mod prices;
mod providers;
pub mod reference;
pub mod replay;
pub mod server;
pub mod settings;
pub mod stream;
pub mod trading;

pub use server::serve;
pub use settings::Settings;
