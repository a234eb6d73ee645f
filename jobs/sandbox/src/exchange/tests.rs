//! The exchange through its front door, over a stub market.

mod groups;
mod life;
mod model;
mod money;
mod refusals;
mod restart;
