//! Where a release comes from: a statement of in-toto with SLSA's predicate, in a signed envelope (DSSE).

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::signature::Key;
use crate::Result;

/// What is in the envelope.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// The source of a release, and who made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The repository's address.
    pub repository: String,
    /// The commit.
    pub commit: String,
    /// Who ran the command: an address that says which machine or service.
    pub builder: String,
    /// The compiler, in its own words.
    pub compiler: String,
}

impl Origin {
    /// The signed envelope about files with these names and SHA-256 digests.
    pub(super) fn attest(
        &self,
        version: &str,
        platforms: Vec<String>,
        digests: &[(String, String)],
        key: &Key,
    ) -> Result<Value> {
        let payload = self.statement(version, &platforms, digests).to_string();
        let signature = key.sign_base64(&pre_authentication(payload.as_bytes()))?;
        Ok(json!({
            "payloadType": PAYLOAD_TYPE,
            "payload": STANDARD.encode(payload),
            "signatures": [{ "keyid": "", "sig": signature }],
        }))
    }

    fn statement(&self, version: &str, platforms: &[String], digests: &[(String, String)]) -> Value {
        let subject = digests.iter().map(|(name, digest)| json!({ "name": name, "digest": { "sha256": digest } }));
        json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": subject.collect::<Vec<_>>(),
            "predicateType": "https://slsa.dev/provenance/v1",
            "predicate": {
                "buildDefinition": {
                    "buildType": format!("{}/blob/main/docs/releases.md", self.repository),
                    "externalParameters": { "version": version, "platforms": platforms },
                    "internalParameters": { "compiler": self.compiler },
                    "resolvedDependencies": [{
                        "uri": format!("git+{}", self.repository),
                        "digest": { "gitCommit": self.commit },
                    }],
                },
                "runDetails": { "builder": { "id": self.builder } },
            },
        })
    }
}

/// What is signed of an envelope: its type and its payload, each with its length (DSSE's PAE).
#[must_use]
pub fn pre_authentication(payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {PAYLOAD_TYPE} {} ", PAYLOAD_TYPE.len(), payload.len());
    [head.as_bytes(), payload].concat()
}

#[cfg(test)]
mod tests {
    use super::pre_authentication;

    #[test]
    fn lengths_are_of_bytes() {
        let signed = pre_authentication("é".as_bytes());
        assert_eq!(String::from_utf8(signed).unwrap(), "DSSEv1 28 application/vnd.in-toto+json 2 é");
    }
}
