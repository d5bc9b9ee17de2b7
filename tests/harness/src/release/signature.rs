//! Signatures: ECDSA on the curve P-256 over SHA-256, in base64, as `cosign verify-blob` and `openssl dgst -verify` read them.
//!
//! OpenSSL makes them, so that the key may be anything that it takes: a file, encrypted or not, or what a provider holds.

use std::path::{Path, PathBuf};

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::{Error, Result, run};

/// The private key that a release is signed with.
#[derive(Debug, Clone)]
pub struct Key(PathBuf);

impl Key {
    /// The key in a file.
    #[must_use]
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The public half, in PEM.
    ///
    /// # Errors
    /// When there is no key, or it is of another kind: most tools verify nothing else.
    pub fn public(&self) -> Result<String> {
        let key = self.0.display().to_string();
        let openssl = Path::new("openssl");
        let public = run(openssl, &["pkey", "-in", &key, "-pubout"], b"")?;
        let told = run(openssl, &["pkey", "-pubin", "-noout", "-text"], &public)?;
        if !String::from_utf8_lossy(&told).contains("NIST CURVE: P-256") {
            return Err(Error::Key { path: self.0.clone() });
        }
        Ok(String::from_utf8_lossy(&public).into_owned())
    }

    /// The signature of some bytes.
    ///
    /// # Errors
    /// What OpenSSL says.
    pub fn sign_base64(&self, bytes: &[u8]) -> Result<String> {
        let key = self.0.display().to_string();
        Ok(STANDARD.encode(run(Path::new("openssl"), &["dgst", "-sha256", "-sign", &key], bytes)?))
    }
}
