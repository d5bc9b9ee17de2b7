//! String types whose bounds are part of the schema.

/// Declares a string of the wire: serialized from and to a JSON string only, with its pattern and
/// its longest length in the schema.
///
/// The API server keeps what does not match outside, so the type holds the text as it was written;
/// whoever computes with it parses it once, into the domain's types.
macro_rules! text {
    ($(#[$meta:meta])* $name:ident, max: $max:literal, pattern: $pattern:expr) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// What the schema admits, as a regular expression.
            pub const PATTERN: &'static str = $pattern;

            /// The text as it was written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl<T: Into<String>> From<T> for $name {
            fn from(text: T) -> Self {
                Self(text.into())
            }
        }

        impl std::ops::Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(&self.0)
            }
        }

        impl schemars::JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": "string",
                    "minLength": 1,
                    "maxLength": $max,
                    "pattern": Self::PATTERN,
                })
            }
        }
    };
}

pub(super) use text;
