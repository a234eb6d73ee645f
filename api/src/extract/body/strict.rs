//! JSON as its readers mean it: an object is an object.
//!
//! Derived readers also take a struct as an array of its fields in order, which no client
//! means and which reads a body `[…]` as whatever the fields happen to be.

use serde::{
    de::{
        Error as _, IntoDeserializer, Visitor,
        value::{MapDeserializer, SeqDeserializer},
    },
    forward_to_deserialize_any,
};
use serde_json::{Error, Value};

/// A value that is read as a struct only when it is an object, at any depth.
#[derive(Debug)]
pub(super) struct Strict(pub(super) Value);

impl<'de> serde::Deserializer<'de> for Strict {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Array(items) => {
                let mut items = SeqDeserializer::new(items.into_iter().map(Strict));
                let read = visitor.visit_seq(&mut items)?;
                items.end()?;
                Ok(read)
            }
            Value::Object(fields) => {
                let fields = fields.into_iter().map(|(name, value)| (name, Strict(value)));
                visitor.visit_map(MapDeserializer::new(fields))
            }
            scalar => scalar.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        if self.0.is_object() {
            return self.deserialize_any(visitor);
        }
        Err(Error::custom(format!("invalid type: {}, expected an object", kind(&self.0))))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.0.deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map identifier ignored_any
    }
}

impl IntoDeserializer<'_, Error> for Strict {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// Returns the reason with JSON's words for what was expected, not those of our types.
pub(super) fn in_json_words(reason: &str) -> String {
    let Some((given, expected)) = reason.split_once(", expected ") else { return reason.to_owned() };
    let given = given.replace(": map", ": an object").replace(": sequence", ": an array");
    let first = expected.split(' ').next().unwrap_or_default();
    let expected = match first {
        "struct" => "an object",
        "tuple" => "an array",
        "enum" => "one of its words",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number in range",
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number in range, not negative",
        "f32" | "f64" => "a number",
        "unit" | "()" => "null",
        _ => match expected {
            "a map" => "an object",
            "a sequence" => "an array",
            "a string" => "a text",
            "any valid JSON value" => "a value",
            other => other,
        },
    };
    format!("{given}, expected {expected}")
}
