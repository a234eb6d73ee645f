//! What a new account or password must look like.

use serde_json::json;

use crate::{
    error::{ApiError, ApiResult, codes},
    password::{self, Password},
    plain_text::plain,
    state::AppState,
};

const USERNAME: std::ops::RangeInclusive<usize> = 3..=64;
const MAX_EMAIL: usize = 254;

/// Returns the name as it will be stored: without tags, trimmed, 3 to 64 characters.
pub(super) fn username(sent: &str) -> ApiResult<String> {
    let name = plain(sent);
    let length = name.chars().count();
    if USERNAME.contains(&length) {
        return Ok(name);
    }
    let (least, most) = (USERNAME.start(), USERNAME.end());
    let message = format!("the user name must have {least} to {most} characters, not {length}");
    Err(ApiError::bad_request(codes::INVALID_USERNAME, message))
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
    password: &Password,
    username: &str,
    email: Option<&str>,
) -> ApiResult<()> {
    let policy = state.config.api.password_policy;
    let (text, words) = (password.clone(), [Some(username.to_owned()), email.map(str::to_owned)]);
    let found = tokio::task::spawn_blocking(move || {
        let words: Vec<&str> = words.iter().flatten().map(String::as_str).collect();
        password::weaknesses(policy, text.expose(), &words)
    })
    .await
    .map_err(ApiError::internal)?;
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
