//! What several commands parse alike.

use billing_planning::billing_settings::Choice;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

/// Takes one of the names of a setting's values.
pub(crate) fn one_of<T: Copy + Send + Sync + 'static>(
    choices: &'static [Choice<T>],
) -> impl TypedValueParser<Value = T> {
    let names = choices.iter().map(|choice| PossibleValue::new(choice.name).help(choice.help));
    PossibleValuesParser::new(names).try_map(|name| {
        choices.iter().find(|choice| choice.name == name).map(|choice| choice.value).ok_or("not one of the names")
    })
}
