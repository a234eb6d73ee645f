//! Whose server it is: under root the server's programs drop to an ordinary account.

use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use nix::unistd::{Uid, User, geteuid};

use super::error::PostgresError;

/// The account that owns the server's files and runs its programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    /// User id.
    pub(crate) uid: u32,
    /// Group id.
    pub(crate) gid: u32,
    /// Login name, for messages and the server's user map.
    pub(crate) name: String,
    /// Whether this process must change to it (it runs as root).
    pub(crate) switch: bool,
}

impl Account {
    /// Picks the account: ourselves, or under root `postgres`, else `nobody`.
    pub(crate) fn choose() -> Result<Self, PostgresError> {
        let me = geteuid();
        if !me.is_root() {
            let user = User::from_uid(me).ok().flatten();
            let gid = nix::unistd::getegid().as_raw();
            let name = user.map_or_else(|| me.to_string(), |user| user.name);
            return Ok(Self { uid: me.as_raw(), gid, name, switch: false });
        }
        ["postgres", "nobody"]
            .iter()
            .find_map(|name| User::from_name(name).ok().flatten())
            .map(Self::dropped)
            .ok_or(PostgresError::NoServerUser)
    }

    /// Returns the account that owns an existing data directory, so that one created under another
    /// choice (a checkout's user, then root) goes on working.
    pub(crate) fn owning(pgdata: &Path) -> Result<Self, PostgresError> {
        let found = std::fs::metadata(pgdata).map_err(PostgresError::io("look at", pgdata))?;
        let me = geteuid();
        if !me.is_root() && found.uid() != me.as_raw() {
            let path = pgdata.to_owned();
            return Err(PostgresError::ForeignData { path, owner: found.uid(), me: me.as_raw() });
        }
        if me.is_root() && found.uid() != 0 {
            let user = User::from_uid(Uid::from_raw(found.uid())).ok().flatten();
            if let Some(user) = user {
                return Ok(Self::dropped(user));
            }
        }
        Self::choose()
    }

    fn dropped(user: User) -> Self {
        Self { uid: user.uid.as_raw(), gid: user.gid.as_raw(), name: user.name, switch: true }
    }

    /// Makes `command` run as this account; the standard library also drops root's other groups.
    pub(crate) fn apply(&self, command: &mut Command) {
        if self.switch {
            command.uid(self.uid).gid(self.gid).env("HOME", "/").env("USER", &self.name);
            command.env("LOGNAME", &self.name);
        }
    }

    /// Gives `path` to this account.
    pub(crate) fn own(&self, path: &Path) -> Result<(), PostgresError> {
        if self.switch {
            std::os::unix::fs::chown(path, Some(self.uid), Some(self.gid))
                .map_err(PostgresError::io("give away", path))?;
        }
        Ok(())
    }
}
