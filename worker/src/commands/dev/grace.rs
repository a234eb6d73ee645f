//! How long the workers of `capstan dev` may take to stop. Ctrl-C should not wait the 20 s of a
//! deployment, and a worker that is killed leaves attempts that count as crashed; so the graces
//! have to fit into what a stop leaves the workers.

/// How long running attempts may finish, and its value here in ms.
const FINISH: (&str, u64) = ("CAPSTAN__WORKER__GRACE_MS", 2000);
/// How long an interrupted attempt may then take to return, and its value here in ms.
const RETURN: (&str, u64) = ("CAPSTAN__QUEUE__CANCEL_GRACE_MS", 1000);
/// The longest that an interrupted attempt may take, in ms.
const RETURN_MOST: u64 = 2000;
/// The longest for both, in ms: a stop kills the workers after 7 s, and they commit what they
/// have done before they end.
const MOST: u64 = 5500;

/// What the workers get in their environment.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Graces {
    /// Variables with their values.
    pub(super) variables: Vec<(&'static str, String)>,
    /// What the user should know: which own setting was shortened.
    pub(super) notes: Vec<String>,
}

/// Returns the graces; what the user's environment (`own`) sets is kept as far as a stop allows.
pub(super) fn graces(own: impl Fn(&str) -> Option<String>) -> Graces {
    let mut graces = Graces { variables: Vec::new(), notes: Vec::new() };
    let mut grace = |(name, default): (&'static str, u64), most: u64| {
        let Some(text) = own(name) else {
            graces.variables.push((name, default.min(most).to_string()));
            return default.min(most);
        };
        // What is no number is the worker's to refuse.
        let Ok(wanted) = text.trim().parse::<u64>() else { return 0 };
        if wanted > most {
            graces.notes.push(format!("capstan dev stops within 10 s: {name}={wanted} counts as {most}"));
        }
        graces.variables.push((name, wanted.min(most).to_string()));
        wanted.min(most)
    };
    let returning = grace(RETURN, RETURN_MOST);
    grace(FINISH, MOST - returning);
    graces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn graces_are_short_unless_the_user_says_otherwise_and_never_outlast_a_stop() {
        // Own finishing and returning graces, what the workers get, and how many notes.
        let cases = [
            (None, None, Some("2000"), Some("1000"), 0),
            (Some("500"), None, Some("500"), Some("1000"), 0),
            (Some("20000"), None, Some("4500"), Some("1000"), 1),
            (Some("20000"), Some("5000"), Some("3500"), Some("2000"), 2),
            (None, Some("1500"), Some("2000"), Some("1500"), 0),
            (Some("soon"), None, None, Some("1000"), 0),
        ];
        for (finish, back, finish_here, back_here, notes) in cases {
            let own = |name: &str| {
                let own = if name == FINISH.0 { finish } else { back };
                own.map(str::to_owned)
            };
            let graces = graces(own);
            let here = |name: &str| {
                graces.variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
            };
            assert_eq!((here(FINISH.0), here(RETURN.0)), (finish_here, back_here), "{finish:?} {back:?}");
            assert_eq!(graces.notes.len(), notes, "{:?}", graces.notes);
        }
    }
}
