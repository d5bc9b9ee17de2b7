//! The keys and certificates of the control plane.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};

use crate::Result;

/// Everything that the API server needs to be trusted, as PEM.
pub(crate) struct Certificates {
    /// The authority that signed the server's certificate.
    pub(crate) authority: String,
    /// The certificate of the API server, for loopback.
    pub(crate) server: String,
    /// The key of the API server.
    pub(crate) server_key: String,
    /// The key that signs the tokens of service accounts.
    pub(crate) service_account_key: String,
    /// The public half of it.
    pub(crate) service_account_public_key: String,
}

impl Certificates {
    pub(crate) fn generate() -> Result<Self> {
        let authority_key = KeyPair::generate()?;
        let mut authority = CertificateParams::default();
        authority.distinguished_name.push(DnType::CommonName, "billing-test-harness");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let authority_pem = authority.self_signed(&authority_key)?.pem();
        let issuer = Issuer::new(authority, authority_key);

        let server_key = KeyPair::generate()?;
        let mut server = CertificateParams::new(vec!["127.0.0.1".to_owned(), "localhost".to_owned()])?;
        server.distinguished_name.push(DnType::CommonName, "kube-apiserver");
        let service_account_key = KeyPair::generate()?;
        Ok(Self {
            authority: authority_pem,
            server: server.signed_by(&server_key, &issuer)?.pem(),
            server_key: server_key.serialize_pem(),
            service_account_key: service_account_key.serialize_pem(),
            service_account_public_key: service_account_key.public_key_pem(),
        })
    }
}
