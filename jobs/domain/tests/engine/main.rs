//! The engine as a caller sees it: rules by example, then properties over random bars.

mod lookahead;
mod paths;
mod portfolio;
mod rules;
mod sample;
mod validation;
