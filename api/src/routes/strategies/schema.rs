//! Closed lists of words, for the OpenAPI document: taken from where they are checked.

use jobs::db::strategies::{Status, TYPES};
use utoipa::openapi::schema::{Object, ObjectBuilder, SchemaType, Type};

/// A type of strategy.
pub(super) fn kind() -> Object {
    words(TYPES.iter().copied()).description(Some("One of the closed list. Required to create.")).build()
}

/// A status.
pub(super) fn status() -> Object {
    let text = "Where the strategy stands. A change must follow the life cycle.";
    words(Status::ALL.map(Status::as_str)).description(Some(text)).build()
}

/// A mode, or null.
pub(super) fn mode() -> Object {
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
        .enum_values(Some([Some("paper"), Some("live"), None]))
        .description(Some("Where the strategy trades, or traded last."))
        .build()
}

/// Parameters as they may be sent.
pub(super) fn parameters() -> Object {
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::Object, Type::Array, Type::String, Type::Null]))
        .description(Some("A JSON object or array, or the text of one."))
        .build()
}

fn words<'w>(words: impl IntoIterator<Item = &'w str>) -> ObjectBuilder {
    let words: Vec<&str> = words.into_iter().collect();
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words))
}
