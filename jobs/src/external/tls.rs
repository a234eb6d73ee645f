//! Whom this process trusts: the certificate authorities of the machine it runs on.
//!
//! `SSL_CERT_FILE` and `SSL_CERT_DIR` name others. One configuration serves HTTP and WebSocket.

use std::sync::{Arc, OnceLock};

use rustls::{ClientConfig, RootCertStore, crypto::ring};

use super::ExternalError;

/// Returns the settings of every TLS connection; read from the machine once.
pub(crate) fn client_config() -> Result<Arc<ClientConfig>, ExternalError> {
    static CONFIG: OnceLock<Result<Arc<ClientConfig>, String>> = OnceLock::new();
    CONFIG.get_or_init(read).clone().map_err(ExternalError::Config)
}

fn read() -> Result<Arc<ClientConfig>, String> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (trusted, _) = roots.add_parsable_certificates(found.certs);
    if trusted == 0 {
        let errors = found.errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        return Err(format!(
            "no certificate authority is installed here, or named by SSL_CERT_FILE; https is impossible {errors}"
        ));
    }
    trusting(roots).map(Arc::new)
}

/// Returns settings that trust `roots`: for an empty store, nobody.
pub(super) fn trusting(roots: RootCertStore) -> Result<ClientConfig, String> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| error.to_string())?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
