//! Text of others, made harmless to keep and to show.

/// Returns `text` without tags, control characters and runs of white space, cut to `limit`
/// characters.
pub fn plain(text: &str, limit: usize) -> String {
    let mut kept = String::new();
    let mut in_tag = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            // A lone "<", as in "P/E < 10", is no tag.
            '<' if chars.peek().is_some_and(|next| next.is_ascii_alphabetic() || "/!".contains(*next)) => {
                in_tag = true;
            }
            '>' if in_tag => {
                in_tag = false;
                kept.push(' ');
            }
            _ if in_tag => {}
            c if c.is_control() => kept.push(' '),
            c => kept.push(c),
        }
    }
    let words: Vec<_> = kept.split_whitespace().collect();
    words.join(" ").chars().take(limit).collect()
}
