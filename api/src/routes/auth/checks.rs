//! What a new account or password must look like.

use serde_json::json;

use crate::{
    error::{ApiError, ApiResult, codes},
    password::{Password, Turn},
    plain_text::plain,
    state::AppState,
};

const USERNAME: std::ops::RangeInclusive<usize> = 3..=64;
/// Longest text that is looked at as a user name, in bytes: 64 characters of four.
const MAX_SENT: usize = 256;
/// Names that others would take for the operator's.
const RESERVED: [&str; 5] = ["admin", "root", "system", "capstan", "support"];
const MAX_EMAIL: usize = 254;

/// Returns the name as it will be stored: without tags, trimmed, 3 to 64 characters, all of
/// which can be seen, and not one that is reserved.
pub(super) fn username(sent: &str) -> ApiResult<String> {
    let refuse = |message: String| Err(ApiError::bad_request(codes::INVALID_USERNAME, message));
    let name = sent_name(sent)?;
    if let Some(hidden) = sent.trim().chars().find(|c| is_hidden(*c)) {
        let code = u32::from(hidden);
        return refuse(format!("the user name holds the character U+{code:04X}, which can't be seen"));
    }
    let length = name.chars().count();
    if !USERNAME.contains(&length) {
        let (least, most) = (USERNAME.start(), USERNAME.end());
        return refuse(format!("the user name must have {least} to {most} characters, not {length}"));
    }
    if RESERVED.contains(&name.to_lowercase().as_str()) {
        return refuse(format!("the user name {name} is reserved"));
    }
    Ok(name)
}

/// Returns a name without tags, trimmed; 400 when it is longer than any name can be.
pub(super) fn sent_name(sent: &str) -> ApiResult<String> {
    if sent.len() <= MAX_SENT {
        return Ok(plain(sent));
    }
    let message = format!("the user name has {} bytes, at most {MAX_SENT} are allowed", sent.len());
    Err(ApiError::bad_request(codes::INVALID_USERNAME, message))
}

/// Returns whether `c` shows nothing, or changes how its neighbours are shown: two names
/// that look alike must be one.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || (c.is_whitespace() && c != ' ')
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// Returns the mail address as it will be stored, `None` when none was sent.
pub(in crate::routes) fn email(sent: Option<&str>) -> ApiResult<Option<String>> {
    let Some(email) = sent.map(str::trim).filter(|text| !text.is_empty()) else { return Ok(None) };
    let valid = email.len() <= MAX_EMAIL
        && !email.contains(|c: char| c.is_whitespace() || c.is_control() || "<>()[],;:\\\"".contains(c))
        && email.split_once('@').is_some_and(|(local, domain)| {
            let labels: Vec<&str> = domain.split('.').collect();
            !local.is_empty()
                && local.len() <= 64
                && labels.len() >= 2
                && labels.iter().all(|label| !label.is_empty() && !label.contains('@'))
        });
    if valid {
        return Ok(Some(email.to_owned()));
    }
    Err(ApiError::bad_request(codes::INVALID_EMAIL, "the mail address is not valid"))
}

/// Refuses a password that falls short of the policy, and says how.
pub(super) async fn password(
    state: &AppState,
    turn: &Turn<'_>,
    password: &Password,
    username: &str,
    email: Option<&str>,
) -> ApiResult<()> {
    let words = [Some(username), email].into_iter().flatten().map(str::to_owned).collect();
    let found = state.passwords.judge(turn, state.config.api.password_policy, password, words).await?;
    if found.is_empty() {
        return Ok(());
    }
    let advice: Vec<&str> = found.iter().map(|weakness| weakness.advice()).collect();
    let message = format!("the password is too weak: {}", advice.join(", "));
    Err(ApiError::bad_request(codes::WEAK_PASSWORD, message).with_details(json!({ "weaknesses": found })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cleaned_before_they_are_measured() {
        for (sent, expected) in [
            ("alice", Some("alice")),
            (" bob ", Some("bob")),
            ("<b>bob</b>", Some("bob")),
            ("<script>ab</script>", None),
            ("ab", None),
            ("", None),
            (&"x".repeat(64), Some(&*"x".repeat(64))),
            (&"x".repeat(65), None),
            (&"<b>".repeat(90), None),
            ("admintest", Some("admintest")),
            ("Admin", None),
            ("<i>ROOT</i>", None),
            ("capstan", None),
            ("j\u{f6}rg m", Some("j\u{f6}rg m")),
            ("ali\u{7}ce", None),
            ("ali\nce", None),
            ("ali\u{200b}ce", None),
            ("ali\u{202e}ce", None),
            ("\u{2066}alice\u{2069}", None),
            ("ali\u{a0}ce", None),
            ("\u{3164}\u{3164}\u{3164}", None),
        ] {
            assert_eq!(username(sent).ok().as_deref(), expected, "{sent}");
        }
    }

    #[test]
    fn addresses_need_a_local_part_and_a_domain() {
        for (sent, valid) in [
            ("a@b.example", true),
            ("first.last+tag@sub.b.example", true),
            ("a@b", false),
            ("a@.example", false),
            ("a@b..example", false),
            ("@b.example", false),
            ("a@@b.example", false),
            ("a b@c.example", false),
            ("a@b.example\r\nBcc: c@d.example", false),
            ("<a@b.example>", false),
        ] {
            assert_eq!(email(Some(sent)).is_ok(), valid, "{sent}");
        }
        assert_eq!(email(Some("  ")).expect("nothing sent"), None);
    }
}
