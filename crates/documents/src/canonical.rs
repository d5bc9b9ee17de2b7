//! The canonical form of a document, and its digest.
//!
//! RFC 8785 fixes one sequence of bytes for a JSON value: members sorted, no white space, one
//! spelling of each number and string. So two programs that agree on a document agree on its digest.

use serde::Serialize;
use sha2::{Digest, Sha256};

/// A document that has no canonical form; none that the operator writes is such.
#[derive(Debug, thiserror::Error)]
#[error("the document cannot be written as canonical JSON")]
pub struct CanonicalError(#[from] serde_json::Error);

/// The bytes of `value` as RFC 8785 JSON.
///
/// # Errors
/// If `value` does not serialize to JSON: a map with keys that are not strings, a number that is
/// not finite, or a serializer of its own that fails.
pub fn canonical_json<T: Serialize>(value: &T) -> Result<Vec<u8>, CanonicalError> {
    Ok(serde_json_canonicalizer::to_vec(value)?)
}

/// `sha256:` and the SHA-256 of the canonical JSON of `value`, in lower-case hex.
///
/// # Errors
/// As [`canonical_json`].
pub fn digest<T: Serialize>(value: &T) -> Result<String, CanonicalError> {
    let hash = Sha256::digest(canonical_json(value)?);
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("sha256:{hex}"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn check(input: &str, canonical: &str) {
        let value: Value = serde_json::from_str(input).expect("valid JSON");
        let bytes = canonical_json(&value).expect("has a canonical form");
        assert_eq!(String::from_utf8(bytes).expect("UTF-8"), canonical);
    }

    /// RFC 8785, section 3.2.2.
    #[test]
    fn numbers_strings_and_literals_have_one_spelling() {
        check(
            r#"{
              "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
              "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
              "literals": [null, true, false]
            }"#,
            "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],\
             \"string\":\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}",
        );
    }

    /// RFC 8785, section 3.2.3: sorted by UTF-16 code units, which is not the order of UTF-8.
    #[test]
    fn members_are_sorted_by_utf16_code_units() {
        check(
            r#"{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh",
                "1":"One","\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control",
                "\u00f6":"Latin Small Letter O With Diaeresis"}"#,
            "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u{80}\":\"Control\",\
             \"ö\":\"Latin Small Letter O With Diaeresis\",\"€\":\"Euro Sign\",\
             \"😀\":\"Emoji: Grinning Face\",\"\u{fb33}\":\"Hebrew Letter Dalet With Dagesh\"}",
        );
    }

    /// RFC 8785, appendix B.
    #[test]
    fn numbers_are_spelled_as_ecmascript_does() {
        for (bits, text) in [
            (0x0000_0000_0000_0000_u64, "0"),
            (0x8000_0000_0000_0000, "0"),
            (0x0000_0000_0000_0001, "5e-324"),
            (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
            (0x4340_0000_0000_0000, "9007199254740992"),
            (0x4430_0000_0000_0000, "295147905179352830000"),
            (0x44b5_2d02_c7e1_4af6, "1e+23"),
            (0x444b_1ae4_d6e2_ef50, "1e+21"),
            (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
            (0x41b3_de43_5555_5554, "333333333.33333325"),
            (0x4314_3ff3_c1cb_0959, "1424953923781206.2"),
            (0xbecb_f647_612f_3696, "-0.0000033333333333333333"),
        ] {
            let bytes = canonical_json(&f64::from_bits(bits)).expect("finite");
            assert_eq!(String::from_utf8(bytes).expect("UTF-8"), text, "{bits:016x}");
        }
    }

    #[test]
    fn the_digest_does_not_depend_on_the_order_of_members() {
        let one = digest(&json!({"total": "12.00", "number": "f3397-1"})).expect("canonical");
        let other: Value = serde_json::from_str(r#"{ "number":"f3397-1", "total":"12.00" }"#).expect("JSON");
        assert_eq!(one, digest(&other).expect("canonical"));
        // printf '{"number":"f3397-1","total":"12.00"}' | sha256sum
        assert_eq!(one, "sha256:b169b691d81c7195aca4c070844300499596259b9c0c1095665813959a1c972b");
    }

    #[test]
    fn a_number_that_is_none_is_refused() {
        assert!(canonical_json(&f64::NAN).is_err());
    }
}
