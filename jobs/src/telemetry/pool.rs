//! The state of the database pool, read at each scrape.

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::gauge::ConstGauge,
};
use sqlx::PgPool;

#[derive(Debug)]
pub(super) struct Pool(pub(super) PgPool);

impl Collector for Pool {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let idle = i64::try_from(self.0.num_idle()).unwrap_or(i64::MAX);
        for (name, help, value) in [
            ("database_connections", "Open connections of this process's pool.", i64::from(self.0.size())),
            ("database_connections_idle", "Open connections that nobody uses.", idle),
            (
                "database_connections_max",
                "Most connections that the pool opens.",
                i64::from(self.0.options().get_max_connections()),
            ),
        ] {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        Ok(())
    }
}
