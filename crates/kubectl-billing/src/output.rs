//! What commands print for programs: one value as JSON or as YAML.

use std::io::{self, Write};

use serde::Serialize;
use thiserror::Error;

use crate::commands::code::CodeError;
use crate::commands::explain::ExplainError;
use crate::commands::preview::PreviewError;
use crate::commands::rates::import::ImportError;
use crate::commands::verify::VerifyError;

/// Why something was not printed.
#[derive(Debug, Error)]
pub enum OutputError {
    /// It has no form in JSON.
    #[error("the output cannot be printed as JSON")]
    Json(#[from] serde_json::Error),
    /// It has no form in YAML.
    #[error("the output cannot be printed as YAML")]
    Yaml(#[from] serde_saphyr::SerializeError),
    /// It cannot be written where it was to go.
    #[error("the output cannot be written")]
    Write(#[from] io::Error),
}

/// Prints a value as JSON that people can read, too.
///
/// # Errors
/// It has no such form, or cannot be written.
pub fn print_json(value: &impl Serialize, out: &mut dyn Write) -> Result<(), OutputError> {
    Ok(writeln!(out, "{}", serde_json::to_string_pretty(value)?)?)
}

/// Prints a value as a YAML document.
///
/// # Errors
/// It has no such form, or cannot be written.
pub fn print_yaml(value: &impl Serialize, out: &mut dyn Write) -> Result<(), OutputError> {
    Ok(out.write_all(serde_saphyr::to_string(value)?.as_bytes())?)
}

/// Lets `?` make a command's error of what a writer says.
macro_rules! of_writers {
    ($($error:ty),+ $(,)?) => {
        $(impl From<io::Error> for $error {
            fn from(error: io::Error) -> Self {
                Self::Output(error.into())
            }
        })+
    };
}

of_writers!(CodeError, ExplainError, ImportError, PreviewError, VerifyError);
