//! The part of the test runners' command line that concerns this suite.

/// Which flows were asked for.
#[derive(Debug, Default)]
pub(crate) struct Selection {
    /// Only name the flows.
    pub(crate) list: bool,
    names: Vec<String>,
    skipped: Vec<String>,
    exact: bool,
    none: bool,
}

impl Selection {
    /// Reads the arguments that `cargo test` and nextest pass; those about form are ignored.
    pub(crate) fn from_args(mut args: impl Iterator<Item = String>) -> Self {
        let mut selection = Self::default();
        while let Some(arg) = args.next() {
            let (flag, mut value) = match arg.split_once('=') {
                Some((flag, value)) if flag.starts_with("--") => (flag.to_owned(), Some(value.to_owned())),
                _ => (arg, None),
            };
            match flag.as_str() {
                "--list" => selection.list = true,
                "--exact" => selection.exact = true,
                // No flow is ignored, and none is a bench.
                "--ignored" | "--bench" => selection.none = true,
                "--skip" => selection.skipped.extend(value.take().or_else(|| args.next())),
                "--format" | "--color" | "--test-threads" | "--logfile" | "--shuffle-seed" | "-Z" => {
                    let _ = value.take().or_else(|| args.next());
                }
                name if !name.starts_with('-') => selection.names.push(name.to_owned()),
                _ => {}
            }
        }
        selection
    }

    /// Returns whether the flow with this test name is to run.
    pub(crate) fn takes(&self, test: &str) -> bool {
        let matches = |name: &String| if self.exact { test == name } else { test.contains(name.as_str()) };
        !self.none
            && (self.names.is_empty() || self.names.iter().any(matches))
            && !self.skipped.iter().any(matches)
    }
}
