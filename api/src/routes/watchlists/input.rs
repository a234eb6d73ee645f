//! What a client may say about watchlists and what is on them.

use jobs::db::watchlists::{Entry, Watchlist};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    error::{ApiError, ApiResult},
    plain_text::plain,
};

const LONGEST_NAME: usize = 100;
const LONGEST_TEXT: usize = 1000;
const LONGEST_TAG: usize = 50;
const MOST_TAGS: usize = 20;

/// A new watchlist.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"name": "Semiconductors", "description": "what to look at on Mondays"}))]
pub(super) struct WatchlistInput {
    /// 1 to 100 characters after tags are stripped.
    name: Option<String>,
    /// At most 1,000 characters.
    description: Option<String>,
    is_default: Option<bool>,
}

impl WatchlistInput {
    pub(super) fn name(&self) -> ApiResult<String> {
        name(self.name.as_deref().unwrap_or_default())
    }

    pub(super) fn description(&self) -> ApiResult<Option<String>> {
        text("description", self.description.as_deref().unwrap_or_default())
    }

    pub(super) fn is_default(&self) -> bool {
        self.is_default.unwrap_or_default()
    }
}

/// A change of a watchlist: what is absent stays; an empty description clears it.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct WatchlistChange {
    name: Option<String>,
    description: Option<String>,
    is_default: Option<bool>,
}

impl WatchlistChange {
    /// Writes what was sent over `list`.
    pub(super) fn apply(&self, list: &mut Watchlist) -> ApiResult<()> {
        if let Some(sent) = &self.name {
            list.name = name(sent)?;
        }
        if let Some(sent) = &self.description {
            list.description = text("description", sent)?;
        }
        if let Some(sent) = self.is_default {
            list.is_default = sent;
        }
        Ok(())
    }
}

/// A symbol for a watchlist.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(example = json!({"symbol": "AAPL", "notes": "earnings on Thursday", "tags": ["tech"]}))]
pub(super) struct EntryInput {
    /// A ticker.
    pub(super) symbol: Option<String>,
    /// At most 1,000 characters.
    pub(super) notes: Option<String>,
    /// At most 20 of at most 50 characters.
    pub(super) tags: Option<Vec<String>>,
}

/// A change of notes and tags: what is absent stays; empty notes clear them.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(super) struct EntryChange {
    notes: Option<String>,
    tags: Option<Vec<String>>,
}

impl EntryChange {
    /// Writes what was sent over `entry`.
    pub(super) fn apply(&self, entry: &mut Entry) -> ApiResult<()> {
        if let Some(sent) = &self.notes {
            entry.notes = text("notes", sent)?;
        }
        if let Some(sent) = &self.tags {
            entry.tags = tags(sent)?;
        }
        Ok(())
    }
}

fn name(sent: &str) -> ApiResult<String> {
    match text("name", sent)? {
        Some(name) if name.chars().count() <= LONGEST_NAME => Ok(name),
        Some(_) => {
            let message = format!("name must have 1 to {LONGEST_NAME} characters");
            Err(ApiError::invalid_field("name", message))
        }
        None => Err(ApiError::invalid_field("name", "name is required")),
    }
}

/// Returns `sent` without tags, `None` when nothing is left.
pub(super) fn text(field: &str, sent: &str) -> ApiResult<Option<String>> {
    let text = plain(sent);
    let length = text.chars().count();
    if length > LONGEST_TEXT {
        let message = format!("{field} has {length} characters, at most {LONGEST_TEXT} are allowed");
        return Err(ApiError::invalid_field(field, message));
    }
    Ok(Some(text).filter(|text| !text.is_empty()))
}

/// Returns the words without tags of markup, empty ones and repetitions.
pub(super) fn tags(sent: &[String]) -> ApiResult<Vec<String>> {
    let mut kept: Vec<String> = Vec::new();
    for tag in sent.iter().map(|tag| plain(tag)).filter(|tag| !tag.is_empty()) {
        if tag.chars().count() > LONGEST_TAG {
            let message = format!("a tag has at most {LONGEST_TAG} characters");
            return Err(ApiError::invalid_field("tags", message));
        }
        if kept.contains(&tag) {
            continue;
        }
        if kept.len() == MOST_TAGS {
            let message = format!("a symbol has at most {MOST_TAGS} tags");
            return Err(ApiError::invalid_field("tags", message));
        }
        kept.push(tag);
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cleaned_and_bounded() {
        for (sent, kept) in [
            ("Tech", Some("Tech")),
            (" <b>Tech</b> ", Some("Tech")),
            ("<i></i>", None),
            ("", None),
            (&"x".repeat(100), Some(&*"x".repeat(100))),
            (&"x".repeat(101), None),
        ] {
            assert_eq!(name(sent).ok().as_deref(), kept, "{sent}");
        }
    }

    #[test]
    fn tags_are_kept_once_each_and_bounded() {
        let sent: Vec<String> = ["a", " a ", "", "<b>b</b>"].map(str::to_owned).into();
        assert_eq!(tags(&sent).expect("fine"), ["a", "b"]);
        let many: Vec<String> = (0..=MOST_TAGS).map(|number| number.to_string()).collect();
        assert!(tags(&many).is_err() && tags(&many[1..]).is_ok());
        assert!(tags(&["x".repeat(51)]).is_err());
    }
}
