//! The series of a process, as text that Prometheus reads.
//!
//! Registries are values, not globals: a process has one for each of its parts and shows them
//! together. Names begin with `capstan_`, units are base units, and labels are bounded: queues,
//! kinds, states, route templates - never an id, a name or a message.

mod depth;
mod pool;

use std::fmt;

use prometheus_client::{encoding::text, metrics::gauge::ConstGauge, registry::Registry};
use sqlx::PgPool;

pub use depth::QueueDepth;

/// The media type of [`exposition`].
pub const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// The media type of [`plain`].
pub const PLAIN_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Upper bounds in seconds, from half a millisecond to a minute, for what answers somebody.
pub const LATENCIES: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0];

/// Returns an empty registry whose names begin with `capstan_`.
pub fn registry() -> Registry {
    Registry::with_prefix("capstan")
}

/// Adds what every process shows: its build, and the state of its pool.
pub fn register_process(registry: &mut Registry, pool: &PgPool) {
    let build = registry.sub_registry_with_label(("version".into(), env!("CARGO_PKG_VERSION").into()));
    build.register("build_info", "The build of this process; always 1", ConstGauge::new(1_i64));
    registry.register_collector(Box::new(pool::Pool(pool.clone())));
}

/// Returns the present values of all `registries` in the OpenMetrics text format.
pub fn exposition<'r>(registries: impl IntoIterator<Item = &'r Registry>) -> Result<String, fmt::Error> {
    let mut text = String::with_capacity(16_384);
    for registry in registries {
        text::encode_registry(&mut text, registry)?;
    }
    text::encode_eof(&mut text)?;
    Ok(text)
}

/// Returns an OpenMetrics exposition in the older plain format, for readers that know only
/// that: there, a counter is described under its full name.
pub fn plain(exposition: &str) -> String {
    let described = |line: &str| -> Option<(&'static str, String, String)> {
        let (keyword, rest) =
            ["# HELP ", "# TYPE "].iter().find_map(|k| Some((*k, line.strip_prefix(k)?)))?;
        let (name, said) = rest.split_once(' ')?;
        Some((keyword, name.to_owned(), said.to_owned()))
    };
    let counters: std::collections::HashSet<String> = exposition
        .lines()
        .filter_map(described)
        .filter(|(keyword, _, said)| *keyword == "# TYPE " && said == "counter")
        .map(|(_, name, _)| name)
        .collect();
    let mut text = String::with_capacity(exposition.len());
    for line in exposition.lines().filter(|line| *line != "# EOF" && !line.starts_with("# UNIT")) {
        match described(line) {
            Some((keyword, name, said)) if counters.contains(&name) => {
                text.extend([keyword, &name, "_total ", &said, "\n"]);
            }
            _ => text.extend([line, "\n"]),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use prometheus_client::metrics::{counter::Counter, histogram::Histogram};

    use super::*;

    #[test]
    fn both_formats_say_the_same() {
        let (mut one, mut two) = (registry(), registry());
        let counter: Counter = Counter::default();
        counter.inc();
        one.register("rescued", "Taken back", counter);
        two.register("batch_size", "Of a flush", Histogram::new([1.0]));
        let open = exposition([&one, &two]).expect("text is written to memory");
        assert!(open.contains("# TYPE capstan_rescued counter\ncapstan_rescued_total 1\n"), "{open}");
        assert!(open.ends_with("# EOF\n") && open.matches("# EOF").count() == 1, "{open}");
        let plain = plain(&open);
        assert!(plain.contains("# TYPE capstan_rescued_total counter\ncapstan_rescued_total 1\n"), "{plain}");
        assert!(plain.contains("# TYPE capstan_batch_size histogram\n") && !plain.contains("EOF"), "{plain}");
    }
}
