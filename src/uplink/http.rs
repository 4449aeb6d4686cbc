//! HTTP for the destinations that speak it: time limits, the site's own authorities, our certificate, no redirects.

use rustls::pki_types::CertificateDer;
use ureq::Agent;
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig, TlsProvider};

use super::settings::{Limits, Tls};
use super::tls;
use crate::tls::{TlsFileError, bad, certificates, provider};

/// What requests are made with. With `tls`, nothing goes out unencrypted.
pub(super) fn agent(tls: Option<&Tls>, limits: Limits) -> Result<Agent, TlsFileError> {
    let mut config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_connect(Some(limits.connect()))
        .timeout_per_read(Some(limits.read()))
        .timeout_per_write(Some(limits.write()))
        .timeout_recv_response(Some(limits.read()))
        .user_agent(concat!("sonograde/", env!("CARGO_PKG_VERSION")));
    if let Some(tls) = tls {
        let certificate = |der: &CertificateDer<'_>| Certificate::from_der(der).to_owned();
        let roots: Vec<_> = certificates(&tls.ca)?.iter().map(certificate).collect();
        let own = match (tls::identity(tls)?, &tls.key) {
            (Some((chain, _)), Some(path)) => {
                let pem = std::fs::read(path).map_err(bad(path))?;
                let key = PrivateKey::from_pem(&pem).map_err(bad(path))?;
                let chain: Vec<_> = chain.iter().map(certificate).collect();
                Some(ClientCert::new_with_certs(&chain, key))
            }
            _ => None,
        };
        config = config.https_only(true).tls_config(
            TlsConfig::builder()
                .provider(TlsProvider::Rustls)
                .unversioned_rustls_crypto_provider(provider())
                .root_certs(RootCerts::new_with_certs(&roots))
                .client_cert(own)
                .build(),
        );
    }
    Ok(config.build().new_agent())
}
