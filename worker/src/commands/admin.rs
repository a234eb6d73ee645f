//! `capstan admin`: who may operate the queue over HTTP, set where the database can be reached.

use anyhow::{Context as _, bail};
use api::extract::Capability;
use jobs::db::{
    access::{self, ApiKey, NewApiKey},
    audit,
};
use serde_json::json;
use sha2::{Digest, Sha256};
use sqlx::{Connection, PgConnection, PgPool};

use crate::bootstrap;

/// What `capstan admin` can do.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum AdminArgs {
    /// Make a user an administrator
    Grant {
        /// The user's name
        username: String,
    },
    /// Make an administrator an ordinary user again
    Revoke {
        /// The user's name
        username: String,
    },
    /// Make, list and revoke keys for programs
    #[command(subcommand)]
    ApiKey(ApiKeyArgs),
}

/// What `capstan admin api-key` can do.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum ApiKeyArgs {
    /// Make a key and print it, once
    Create {
        /// Its name, unique among the keys in force
        #[arg(long)]
        name: String,
        /// What it may do, separated by commas, such as admin:read,admin:write
        #[arg(long, value_delimiter = ',', required = true)]
        scopes: Vec<String>,
        /// Its life, in days
        #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(i32).range(1..=3650))]
        days: i32,
    },
    /// List the keys, without their secrets
    List,
    /// Revoke a key
    Revoke {
        /// Its name
        name: String,
    },
}

/// Runs `capstan admin`.
///
/// # Errors
/// When the database can't be reached, or there is no such user or key.
pub async fn run(args: AdminArgs) -> anyhow::Result<()> {
    let (_, pool) = bootstrap::start("admin")?;
    println!("{}", act(&pool, args).await?);
    Ok(())
}

/// Does what `args` say and returns what there is to tell.
///
/// # Errors
/// When the database can't be reached, or there is no such user or key.
pub async fn act(pool: &PgPool, args: AdminArgs) -> anyhow::Result<String> {
    let mut conn = pool.acquire().await.context("the database can't be reached")?;
    let mut tx = conn.begin().await?;
    let told = match args {
        AdminArgs::Grant { username } => set_admin(&mut tx, &username, true).await?,
        AdminArgs::Revoke { username } => set_admin(&mut tx, &username, false).await?,
        AdminArgs::ApiKey(ApiKeyArgs::Create { name, scopes, days }) => {
            create(&mut tx, name.trim(), &scopes, days).await?
        }
        AdminArgs::ApiKey(ApiKeyArgs::List) => list(&access::api_keys(&mut tx).await?),
        AdminArgs::ApiKey(ApiKeyArgs::Revoke { name }) => revoke(&mut tx, &name).await?,
    };
    tx.commit().await?;
    Ok(told)
}

async fn set_admin(conn: &mut PgConnection, username: &str, is_admin: bool) -> anyhow::Result<String> {
    let user = access::set_admin(conn, username, is_admin).await?;
    let (user_id, before) = user.with_context(|| format!("no user is named {username:?}"))?;
    let now = if is_admin { "an administrator" } else { "an ordinary user" };
    if before == is_admin {
        return Ok(format!("{username} is {now} already"));
    }
    let entry = audit::Entry {
        action: if is_admin { "grant_admin" } else { "revoke_admin" },
        resource: "user",
        resource_id: Some(user_id.to_string()),
        reason: Some("command line".into()),
        before: Some(json!({ "isAdmin": before })),
        after: Some(json!({ "isAdmin": is_admin })),
        ..audit::Entry::default()
    };
    audit::record(conn, entry).await?;
    Ok(format!("{username} is {now} now"))
}

async fn create(conn: &mut PgConnection, name: &str, scopes: &[String], days: i32) -> anyhow::Result<String> {
    if name.is_empty() || name.chars().count() > 100 {
        bail!("a key's name has 1 to 100 characters");
    }
    let mut scopes: Vec<String> = scopes.iter().map(|scope| scope.trim().to_owned()).collect();
    scopes.sort_unstable();
    scopes.dedup();
    if let Some(unknown) = scopes.iter().find(|scope| scope.parse::<Capability>().is_err()) {
        let known = Capability::ALL.map(Capability::name).join(", ");
        bail!("there is no scope {unknown:?}: use {known}");
    }
    let secret = format!("cap_{}", hex::encode(rand::random::<[u8; 32]>()));
    let new = NewApiKey { name, key_hash: &Sha256::digest(&secret), scopes: &scopes, days };
    let key = access::create_api_key(conn, new).await?;
    let entry = audit::Entry { after: Some(kept(&key)), ..entry("create_api_key", &key) };
    audit::record(conn, entry).await?;
    Ok(secret)
}

async fn revoke(conn: &mut PgConnection, name: &str) -> anyhow::Result<String> {
    let revoked = access::revoke_api_key(conn, name).await?;
    let key = revoked.with_context(|| format!("no API key in force is named {name:?}"))?;
    let entry = audit::Entry { before: Some(kept(&key)), ..entry("revoke_api_key", &key) };
    audit::record(conn, entry).await?;
    Ok(format!("the API key {name:?} is revoked"))
}

fn entry<'a>(action: &'a str, key: &ApiKey) -> audit::Entry<'a> {
    audit::Entry {
        action,
        resource: "api_key",
        resource_id: Some(key.api_key_id.to_string()),
        reason: Some("command line".into()),
        ..audit::Entry::default()
    }
}

fn kept(key: &ApiKey) -> serde_json::Value {
    json!({ "name": key.name, "scopes": key.scopes, "expiresAt": key.expires_at })
}

fn list(keys: &[ApiKey]) -> String {
    let line = |key: &ApiKey| {
        let state = match (key.revoked_at, key.expires_at < chrono::Utc::now()) {
            (Some(_), _) => "revoked",
            (None, true) => "expired",
            (None, false) => "in force",
        };
        let used =
            key.used_at.map_or_else(|| "never used".into(), |at| format!("used {}", at.format("%F %T")));
        let until = key.expires_at.format("%F");
        format!("{}  {state}, until {until}, {used}  {}", key.name, key.scopes.join(","))
    };
    if keys.is_empty() {
        "there is no API key".into()
    } else {
        keys.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}
