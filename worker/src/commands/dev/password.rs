//! Passwords that nobody will ever type: of the demo's user, and of the simulated exchange.

use rand::Rng as _;
use rand::seq::SliceRandom as _;

/// The classes of characters that the sign-up policy wants.
const CLASSES: [&[u8]; 4] =
    [b"ABCDEFGHJKLMNPQRSTUVWXYZ", b"abcdefghijkmnopqrstuvwxyz", b"23456789", b"!#%+-=?@_"];

/// Returns 20 random characters, five of each class, shuffled.
pub(super) fn random() -> String {
    let mut random = rand::rng(); // seeded by the system
    let mut characters: Vec<char> = Vec::with_capacity(20);
    for class in CLASSES {
        characters.extend((0..5).map(|_| char::from(class[random.random_range(0..class.len())])));
    }
    characters.shuffle(&mut random);
    characters.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_password_has_every_class_and_none_comes_twice() {
        let mut seen = std::collections::HashSet::new();
        for _ in 0..200 {
            let password = random();
            assert_eq!(password.len(), 20);
            assert!(
                CLASSES.iter().all(|class| password.bytes().any(|byte| class.contains(&byte))),
                "{password}"
            );
            assert!(seen.insert(password));
        }
    }
}
