//! VAT ids. That the checks are the countries' own is compared with another implementation in `tests/it/vat`.

use crate::catalog::vat::VatId;

/// `value country check` of an id, for a holder at home in a country ("" for none).
fn read(text: &str, home: &str) -> String {
    let id = VatId::read(text, home.parse().ok()).unwrap();
    let country = id.country.map_or("-".to_owned(), |country| country.to_string());
    format!("{} {country} {:?}", id.value, id.check)
}

#[test]
fn an_id_is_read_as_people_write_it() {
    for text in ["FI20774740", "fi 2077474-0", "2077474-0", " FI-20774740 "] {
        assert_eq!(read(text, "FI"), "FI20774740 FI Passed", "{text}");
    }
    assert_eq!(VatId::read(" -. ", None), None);
}

#[test]
fn every_country_has_ids_that_pass() {
    for (id, country) in [
        ("ATU13585627", "AT"),
        ("BE0403019261", "BE"),
        ("BG175074752", "BG"),
        ("CHE107787577IVA", "CH"),
        ("CY10259033P", "CY"),
        ("CZ25123891", "CZ"),
        ("DE136695976", "DE"),
        ("DK13585628", "DK"),
        ("EE100931558", "EE"),
        ("EL094259216", "GR"),
        ("ESB58378431", "ES"),
        ("FI20774740", "FI"),
        ("FR40303265045", "FR"),
        ("FRK7399859412", "FR"),
        ("GB980780684", "GB"),
        ("HR33392005961", "HR"),
        ("HU12892312", "HU"),
        ("IE6433435F", "IE"),
        ("IE8D79739I", "IE"),
        ("IT00743110157", "IT"),
        ("LT119511515", "LT"),
        ("LU15027442", "LU"),
        ("LV40003521600", "LV"),
        ("MT11679112", "MT"),
        ("NL004495445B01", "NL"),
        ("NO995525828MVA", "NO"),
        ("PL8567346215", "PL"),
        ("PT501964843", "PT"),
        ("RO18547290", "RO"),
        ("SE123456789701", "SE"),
        ("SI50223054", "SI"),
        ("SK2022749619", "SK"),
        ("XI980780684", "GB"),
    ] {
        assert_eq!(read(id, ""), format!("{id} {country} Passed"));
    }
}

#[test]
fn the_holders_country_decides_what_an_id_without_a_prefix_is() {
    assert_eq!(read("136695976", "DE"), "DE136695976 DE Passed");
    assert_eq!(read("136695976", ""), "136695976 - Unknown");
    assert_eq!(read("303265045", "FR"), "FR303265045 FR Failed", "the two check characters are missing");
    assert_eq!(read("40303265045", "MC"), "FR40303265045 FR Passed", "Monaco's are French");
}

#[test]
fn the_prefix_decides_for_a_holder_from_elsewhere() {
    assert_eq!(read("DE136695976", "FI"), "DE136695976 DE Passed");
    assert_eq!(read("DE136695977", "FI"), "DE136695977 DE Failed");
    assert_eq!(read("GR 094259216", ""), "EL094259216 GR Passed");
}

#[test]
fn what_cannot_be_checked_is_not_called_wrong() {
    assert_eq!(read("12-3456789", "US"), "123456789 US Unknown");
    assert_eq!(read("ESC850101ABC", "MX"), "ESC850101ABC MX Unknown", "a Mexican number that begins like Spain's");
    assert_eq!(read("DE136695976", "US"), "DE136695976 DE Passed", "registered in Germany");
}
