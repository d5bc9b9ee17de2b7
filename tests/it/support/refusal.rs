//! What the API server says when it says no.

use std::fmt::Debug;

use crate::{Error, Result};

/// The status code and the message of a request that must have been refused.
///
/// # Errors
/// When it was granted, or failed for another reason than the API server's judgement.
pub fn refusal<T: Debug>(answer: Result<T>) -> Result<(u16, String)> {
    let error = match answer {
        Ok(granted) => return Err(format!("this should have been refused: {granted:?}").into()),
        Err(error) => error,
    };
    match error.downcast::<kube::Error>().map(|error| *error) {
        Ok(kube::Error::Api(status)) => Ok((status.code, status.message)),
        Ok(other) => Err(other.into()),
        Err(other) => Err::<_, Error>(other),
    }
}
