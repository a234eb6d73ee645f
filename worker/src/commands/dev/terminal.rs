//! Words for the person at the terminal, who may be gone: unlike `println!`, these do not panic
//! when nobody reads any more (`capstan dev | head`), which would skip stopping what was started.

use std::io::Write as _;

/// Prints `text` as a line of standard output.
pub(super) fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Prints `text` as a line of standard error.
pub(super) fn complain(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
