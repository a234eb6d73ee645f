//! The `traceparent` header: the trace that a request belongs to.
//!
//! Source: W3C Trace Context, level 1, section 3.2.

use axum::http::{HeaderMap, HeaderName};
use sha2::{Digest, Sha256};
use uuid::Uuid;

pub(super) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// A trace, and whether its caller records it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trace {
    /// 32 lower-case hex digits, not all zero.
    pub(super) id: String,
    sampled: bool,
}

impl Trace {
    /// Returns the trace that a request names, if its header is valid.
    pub(super) fn sent(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(TRACEPARENT).iter();
        let (Some(value), None) = (values.next(), values.next()) else { return None };
        Self::parse(value.to_str().ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut fields = text.split('-');
        let (version, id, parent, flags) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
        let of = |field: &str, length| {
            field.len() == length && field.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        };
        let zero = |field: &str| field.bytes().all(|byte| byte == b'0');
        // Later versions may add fields; ours has none.
        let ended = version != "00" || fields.next().is_none();
        let valid = of(version, 2) && version != "ff" && of(id, 32) && of(parent, 16) && of(flags, 2);
        if !valid || !ended || zero(id) || zero(parent) {
            return None;
        }
        let flags = u8::from_str_radix(flags, 16).ok()?;
        Some(Self { id: id.to_owned(), sampled: flags & 1 == 1 })
    }

    /// Returns a new trace; ids sort by the time they were made.
    pub(super) fn new() -> Self {
        Self { id: Uuid::now_v7().simple().to_string(), sampled: true }
    }

    /// Returns the trace of a request that came with an id of its own: a UUID is a trace id
    /// as it stands, of anything else it is the beginning of the SHA-256.
    pub(super) fn of_id(id: &str) -> Self {
        let id = match Uuid::try_parse(id) {
            Ok(uuid) if !uuid.is_nil() => uuid.simple().to_string(),
            _ => hex::encode(&Sha256::digest(id)[..16]),
        };
        Self { id, sampled: true }
    }

    /// Returns the header's value for a reply: the same trace, a span of ours.
    pub(super) fn header(&self) -> String {
        let span = rand::random::<u64>().max(1);
        format!("00-{}-{span:016x}-{:02x}", self.id, u8::from(self.sampled))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ID: &str = "0af7651916cd43dd8448eb211c80319c";

    #[test]
    fn only_valid_headers_are_taken() {
        for (sent, taken) in [
            (format!("00-{ID}-b7ad6b7169203331-01"), true),
            (format!("00-{ID}-b7ad6b7169203331-00"), true),
            (format!("cc-{ID}-b7ad6b7169203331-01"), true),
            (format!("cc-{ID}-b7ad6b7169203331-01-what-comes"), true),
            (format!("00-{ID}-b7ad6b7169203331-01-more"), false),
            (format!("ff-{ID}-b7ad6b7169203331-01"), false),
            (format!("0-{ID}-b7ad6b7169203331-01"), false),
            (format!("00-{}-b7ad6b7169203331-01", ID.to_uppercase()), false),
            (format!("00-{}-b7ad6b7169203331-01", "0".repeat(32)), false),
            (format!("00-{ID}-0000000000000000-01"), false),
            (format!("00-{ID}-b7ad6b7169203331-0"), false),
            (format!("00-{ID}-b7ad6b7169203331"), false),
            (String::new(), false),
        ] {
            assert_eq!(Trace::parse(&sent).is_some(), taken, "{sent}");
        }
    }

    #[test]
    fn two_headers_are_none() {
        let mut headers = HeaderMap::new();
        let value = format!("00-{ID}-b7ad6b7169203331-01");
        headers.append(TRACEPARENT, value.parse().expect("a header value"));
        assert_eq!(Trace::sent(&headers).map(|trace| trace.id).as_deref(), Some(ID));
        headers.append(TRACEPARENT, value.parse().expect("a header value"));
        assert_eq!(Trace::sent(&headers), None);
    }

    #[test]
    fn an_id_of_ones_own_names_one_trace() {
        let uuid = "0190f5a0-0000-7000-8000-000000000001";
        assert_eq!(Trace::of_id(uuid).id, uuid.replace('-', ""));
        assert_eq!(Trace::of_id(ID).id, ID);
        assert_eq!(Trace::of_id("mine-1"), Trace::of_id("mine-1"));
        assert_ne!(Trace::of_id("mine-1"), Trace::of_id("mine-2"));
    }

    proptest! {
        #[test]
        fn what_we_send_is_valid(id in "\\PC{0,64}", text in "[0-9a-f-]{0,64}") {
            let trace = Trace::of_id(&id);
            prop_assert_eq!(Trace::parse(&trace.header()), Some(trace));
            let _ = Trace::parse(&text);
        }
    }
}
