//! The operator asks the policies, with the rights that the chart gives it, whether they refuse.

use std::{path::Path, time::Duration};

use billing_operator::{
    metrics::Metrics,
    probe::{PolicyState, Prober},
};
use billing_test_harness::{ControlPlane, Options, User};
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::install::{self, CHART, NAMESPACE, RELEASE};
use crate::Result;

/// Enough for anything here on a busy machine.
const LIMIT: Duration = Duration::from_secs(120);

async fn client(kubeconfig: &Path) -> Result<Client> {
    let kubeconfig = Kubeconfig::read_from(kubeconfig)?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    Ok(Client::try_from(config)?)
}

/// Waits until the probe finds what it should; the error says what it found last.
async fn wait_for(states: &mut watch::Receiver<PolicyState>, found: impl FnMut(&PolicyState) -> bool) -> Result {
    let waited = tokio::time::timeout(LIMIT, states.wait_for(found)).await.map(|found| found.map(|_| ()));
    match waited {
        Ok(found) => Ok(found?),
        Err(_) => Err(states.borrow().to_string().into()),
    }
}

#[tokio::test]
async fn the_probe_of_the_operator_is_refused_by_each_policy_and_misses_one_that_is_gone() -> Result {
    let control_plane = ControlPlane::start(&Options::default())?;
    install::install(&control_plane)?;
    let token = control_plane.service_account_token(NAMESPACE, RELEASE)?;
    let client = client(&control_plane.kubeconfig_for("operator", &token)?).await?;
    let user = format!("system:serviceaccount:{NAMESPACE}:{RELEASE}-probe");
    let (prober, mut states) = Prober::new(client, NAMESPACE, user, Metrics::new().billing);
    let cancel = CancellationToken::new();
    let running = tokio::spawn(prober.run(cancel.clone()));
    wait_for(&mut states, PolicyState::is_enforced).await?;

    // Its binding is what makes a policy bite.
    let gone = "billing-operator-books";
    control_plane.kubectl_ok(User::ClusterAdmin, &["delete", "validatingadmissionpolicybinding", gone])?;
    let misses = |state: &PolicyState| match state {
        PolicyState::Missing(missing) => missing.iter().map(|one| one.policy).eq([gone]),
        PolicyState::Unknown | PolicyState::Enforced | PolicyState::OtherAccount(_) => false,
    };
    wait_for(&mut states, misses).await?;

    // Helm brings it back.
    install::helm(&control_plane, &["upgrade", RELEASE, CHART, &format!("--namespace={NAMESPACE}")])?;
    wait_for(&mut states, PolicyState::is_enforced).await?;
    cancel.cancel();
    running.await?;
    Ok(())
}

#[tokio::test]
async fn an_operator_whose_account_the_policies_do_not_know_is_told_both_names() -> Result {
    let control_plane = ControlPlane::start(&Options::default())?;
    install::install(&control_plane)?;
    let namespace = format!("--namespace={NAMESPACE}");
    control_plane.kubectl_ok(User::ClusterAdmin, &["create", "serviceaccount", "renamed", &namespace])?;
    // It has every right of the operator's, and is not the one that the policies compare.
    let account = format!("--serviceaccount={NAMESPACE}:renamed");
    let role = format!("--clusterrole={RELEASE}");
    control_plane.kubectl_ok(User::ClusterAdmin, &["create", "clusterrolebinding", "renamed", &role, &account])?;
    let probe = format!("--role={RELEASE}-impersonate-probe");
    let bind = ["create", "rolebinding", "renamed", &probe, &account, &namespace];
    control_plane.kubectl_ok(User::ClusterAdmin, &bind)?;

    let token = control_plane.service_account_token(NAMESPACE, "renamed")?;
    let client = client(&control_plane.kubeconfig_for("renamed", &token)?).await?;
    let user = format!("system:serviceaccount:{NAMESPACE}:{RELEASE}-probe");
    let metrics = Metrics::new();
    let (prober, mut states) = Prober::new(client, NAMESPACE, user, metrics.billing.clone());
    let cancel = CancellationToken::new();
    let running = tokio::spawn(prober.run(cancel.clone()));
    wait_for(&mut states, |state| matches!(state, PolicyState::OtherAccount(_))).await?;
    let said = states.borrow().to_string();
    let names = format!(
        "the policies know another account: system:serviceaccount:{NAMESPACE}:{RELEASE}, and this operator is system:serviceaccount:{NAMESPACE}:renamed;"
    );
    assert!(said.starts_with(&names), "{said}");

    // The chart makes the policies for it.
    let upgrade = ["upgrade", RELEASE, CHART, &namespace, "--set=serviceAccount.name=renamed", "--take-ownership"];
    install::helm(&control_plane, &upgrade)?;
    wait_for(&mut states, PolicyState::is_enforced).await?;
    cancel.cancel();
    running.await?;
    Ok(())
}
