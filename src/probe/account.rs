//! Whether the policies know the operator by its account.
//!
//! They compare its name, and an operator that runs under another one is refused all that only the operator may write: the policies
//! are in force then, and nothing works. So once they are, it asks for one such write as itself, in a dry run.

use k8s_openapi::api::admissionregistration::v1::ValidatingAdmissionPolicy;
use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use kube::api::PostParams;
use kube::{Api, Client};
use serde_json::Value;

use super::is_refusal;
use super::requests::as_operator;

/// The policy that lets nobody else write what is asked for.
const POLICY: &str = "billing-operator-operator";

/// How the policies compare the operator's account.
const COMPARISON: &str = "request.userInfo.username == '";

/// Asks whether the operator may write what nobody else may; the refusal says why not.
///
/// # Errors
/// The API server did not answer.
pub(super) async fn ask(client: &Client, namespace: &str) -> Result<Result<(), String>, kube::Error> {
    let request = as_operator(namespace).map_err(kube::Error::HttpError)?;
    match client.request::<Value>(request).await {
        Ok(_) => Ok(Ok(())),
        Err(kube::Error::Api(status)) if is_refusal(&status.message, POLICY) => {
            Ok(Err(another_account(known_account(client).await?.as_deref(), &own_name(client).await?)))
        }
        Err(kube::Error::Api(status)) if matches!(status.code, 403 | 404 | 422) => Ok(Err(format!(
            "the operator may not write what only it writes, grant it the chart's roles: {}",
            status.message
        ))),
        Err(error) => Err(error),
    }
}

fn another_account(known: Option<&str>, own: &str) -> String {
    let known = known.unwrap_or("no account");
    format!(
        "the policies know another account: {known}, and this operator is {own}; install the chart for this account (serviceAccount.name, and the release's namespace), or run the operator under the account of the chart"
    )
}

/// The account that the policy lets write.
async fn known_account(client: &Client) -> Result<Option<String>, kube::Error> {
    let policies: Api<ValidatingAdmissionPolicy> = Api::all(client.clone());
    let variables = policies.get_opt(POLICY).await?.and_then(|policy| policy.spec).and_then(|spec| spec.variables);
    let expressions = variables.unwrap_or_default().into_iter().map(|variable| variable.expression);
    Ok(expressions.filter_map(|expression| compared_account(&expression).map(str::to_owned)).next())
}

/// The name that an expression compares the user's with.
fn compared_account(expression: &str) -> Option<&str> {
    expression.split_once(COMPARISON)?.1.split('\'').next()
}

/// Who the API server says we are.
async fn own_name(client: &Client) -> Result<String, kube::Error> {
    let reviews: Api<SelfSubjectReview> = Api::all(client.clone());
    let review = reviews.create(&PostParams::default(), &SelfSubjectReview::default()).await?;
    let user = review.status.and_then(|status| status.user_info).and_then(|user| user.username);
    Ok(user.unwrap_or_else(|| "nobody".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::compared_account;

    #[test]
    fn the_account_of_a_policy_is_read_from_its_comparison() {
        let compared = |expression| compared_account(expression);
        assert_eq!(
            compared("request.userInfo.username == 'system:serviceaccount:a:b'"),
            Some("system:serviceaccount:a:b")
        );
        assert_eq!(compared("has(request.subResource)"), None);
    }
}
