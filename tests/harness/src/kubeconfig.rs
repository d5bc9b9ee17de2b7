//! Kubeconfig files.

use std::path::Path;

/// The text of a kubeconfig for one user of one cluster.
pub(crate) fn render(url: &str, authority: &Path, user: &str, token: &str) -> String {
    let authority = authority.display();
    format!(
        "apiVersion: v1
kind: Config
clusters:
- name: test
  cluster:
    server: {url}
    certificate-authority: {authority}
users:
- name: {user}
  user:
    token: {token}
contexts:
- name: test
  context:
    cluster: test
    user: {user}
current-context: test
"
    )
}
