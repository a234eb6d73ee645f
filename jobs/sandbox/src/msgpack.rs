//! MessagePack, as much of it as the sockets' messages need.
//!
//! Source: the MessagePack specification (msgpack.org), with its extension type -1, the
//! timestamp, under which market data sends the times it calls `t`.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

/// Deeper than any message a client sends.
const DEEPEST: usize = 16;

/// Returns `value` in MessagePack; texts under the key `t` that are RFC 3339 become timestamps.
pub fn encode(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    write(value, &mut out);
    out
}

fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.push(0xc0),
        Value::Bool(truth) => out.push(0xc2 | u8::from(*truth)),
        Value::Number(number) => {
            if let Some(whole) = number.as_u64() {
                match u8::try_from(whole) {
                    Ok(small) if small < 0x80 => out.push(small),
                    _ => tagged(out, 0xcf, &whole.to_be_bytes()),
                }
            } else if let Some(whole) = number.as_i64() {
                tagged(out, 0xd3, &whole.to_be_bytes());
            } else {
                tagged(out, 0xcb, &number.as_f64().unwrap_or(f64::NAN).to_be_bytes());
            }
        }
        Value::String(text) => write_text(text, out),
        Value::Array(items) => {
            sized(out, items.len(), 0x90, 0xdc);
            for item in items {
                write(item, out);
            }
        }
        Value::Object(keys) => {
            sized(out, keys.len(), 0x80, 0xde);
            for (key, value) in keys {
                write_text(key, out);
                let time = value.as_str().filter(|_| key == "t").and_then(|text| text.parse().ok());
                match time {
                    Some(at) => write_time(at, out),
                    None => write(value, out),
                }
            }
        }
    }
}

fn tagged(out: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    out.push(tag);
    out.extend_from_slice(bytes);
}

/// Writes the head of a list or a map: of up to 15 items in one byte, else in three or five.
fn sized(out: &mut Vec<u8>, len: usize, small: u8, large: u8) {
    match (u8::try_from(len), u16::try_from(len)) {
        (Ok(len), _) if len < 16 => out.push(small | len),
        (_, Ok(len)) => tagged(out, large, &len.to_be_bytes()),
        _ => tagged(out, large + 1, &u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes()),
    }
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    match (u8::try_from(text.len()), u16::try_from(text.len())) {
        (Ok(len), _) if len < 32 => out.push(0xa0 | len),
        (Ok(len), _) => tagged(out, 0xd9, &[len]),
        (_, Ok(len)) => tagged(out, 0xda, &len.to_be_bytes()),
        _ => tagged(out, 0xdb, &u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes()),
    }
    out.extend_from_slice(text.as_bytes());
}

/// Writes the 64-bit form: 30 bits of nanoseconds, 34 bits of Unix seconds.
fn write_time(at: DateTime<Utc>, out: &mut Vec<u8>) {
    let seconds = u64::try_from(at.timestamp()).unwrap_or(0) & ((1 << 34) - 1);
    let packed = (u64::from(at.timestamp_subsec_nanos().min(999_999_999)) << 34) | seconds;
    tagged(out, 0xd7, &[0xff]);
    out.extend_from_slice(&packed.to_be_bytes());
}

/// Reads one value that fills `bytes`; `None` when they are none, or hold binary or extended parts.
pub fn decode(bytes: &[u8]) -> Option<Value> {
    let mut rest = bytes;
    let value = read(&mut rest, DEEPEST)?;
    rest.is_empty().then_some(value)
}

fn read(rest: &mut &[u8], depth: usize) -> Option<Value> {
    let depth = depth.checked_sub(1)?;
    let tag = take(rest, 1)?[0];
    Some(match tag {
        0x00..=0x7f => tag.into(),
        0xe0..=0xff => i8::from_be_bytes([tag]).into(),
        0x80..=0x8f => read_map(rest, usize::from(tag & 15), depth)?,
        0xde => map_of(rest, 2, depth)?,
        0xdf => map_of(rest, 4, depth)?,
        0x90..=0x9f => read_list(rest, usize::from(tag & 15), depth)?,
        0xdc => list_of(rest, 2, depth)?,
        0xdd => list_of(rest, 4, depth)?,
        0xa0..=0xbf => read_text(rest, usize::from(tag & 31))?,
        0xd9 => text_of(rest, 1)?,
        0xda => text_of(rest, 2)?,
        0xdb => text_of(rest, 4)?,
        0xc0 => Value::Null,
        0xc2 | 0xc3 => (tag == 0xc3).into(),
        0xcc..=0xcf => number(rest, 1 << (tag - 0xcc))?.into(),
        0xd0 => i8::from_be_bytes(take(rest, 1)?.try_into().ok()?).into(),
        0xd1 => i16::from_be_bytes(take(rest, 2)?.try_into().ok()?).into(),
        0xd2 => i32::from_be_bytes(take(rest, 4)?.try_into().ok()?).into(),
        0xd3 => i64::from_be_bytes(take(rest, 8)?.try_into().ok()?).into(),
        0xca => f64::from(f32::from_be_bytes(take(rest, 4)?.try_into().ok()?)).into(),
        0xcb => f64::from_be_bytes(take(rest, 8)?.try_into().ok()?).into(),
        _ => return None,
    })
}

fn take<'a>(rest: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(len)?;
    *rest = left;
    Some(taken)
}

fn number(rest: &mut &[u8], len: usize) -> Option<u64> {
    Some(take(rest, len)?.iter().fold(0, |number, byte| (number << 8) | u64::from(*byte)))
}

fn size(rest: &mut &[u8], len: usize) -> Option<usize> {
    usize::try_from(number(rest, len)?).ok()
}

fn map_of(rest: &mut &[u8], len: usize, depth: usize) -> Option<Value> {
    let size = size(rest, len)?;
    read_map(rest, size, depth)
}

fn read_map(rest: &mut &[u8], size: usize, depth: usize) -> Option<Value> {
    let mut map = Map::new();
    for _ in 0..size {
        let Value::String(key) = read(rest, depth)? else { return None };
        map.insert(key, read(rest, depth)?);
    }
    Some(Value::Object(map))
}

fn list_of(rest: &mut &[u8], len: usize, depth: usize) -> Option<Value> {
    let size = size(rest, len)?;
    read_list(rest, size, depth)
}

fn read_list(rest: &mut &[u8], size: usize, depth: usize) -> Option<Value> {
    (0..size).map(|_| read(rest, depth)).collect::<Option<Vec<_>>>().map(Value::Array)
}

fn text_of(rest: &mut &[u8], len: usize) -> Option<Value> {
    let size = size(rest, len)?;
    read_text(rest, size)
}

fn read_text(rest: &mut &[u8], size: usize) -> Option<Value> {
    std::str::from_utf8(take(rest, size)?).ok().map(Value::from)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let list: Vec<_> = (0..40).collect();
        let value = json!({"a": [1, -1, 300, 1.5, true, false, null], "text": "x".repeat(300), "list": list, "é": {}});
        assert_eq!(decode(&encode(&value)), Some(value));
    }

    #[test]
    fn times_are_written_as_timestamps() {
        let bytes = encode(&json!({"t": "1970-01-01T00:00:01.000000002Z"}));
        assert_eq!(bytes, [0x81, 0xa1, b't', 0xd7, 0xff, 0, 0, 0, 8, 0, 0, 0, 1]);
    }

    proptest! {
        #[test]
        fn no_bytes_bring_it_down(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = decode(&bytes);
        }
    }
}
