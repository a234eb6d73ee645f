//! Which failures of the database pass by themselves.

/// Returns whether trying the same again may succeed: the connection, the server or its
/// resources are the trouble, not the statement.
///
/// Source: PostgreSQL documentation, appendix A, "PostgreSQL Error Codes" (classes).
pub(super) fn passes(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(refused) => match refused.code() {
            // Connections, transaction rollbacks, resources, operator intervention, system errors,
            // and locks that were not to be had.
            Some(code) => {
                ["08", "40", "53", "57", "58"].iter().any(|class| code.starts_with(class)) || code == "55P03"
            }
            None => true,
        },
        sqlx::Error::Encode(_) | sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. } => false,
        _ => true,
    }
}
