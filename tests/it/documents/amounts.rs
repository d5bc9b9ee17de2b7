//! Whether every amount of a document can be read on its pages.

use std::collections::BTreeMap;

use serde_json::Value;

/// The amounts of a line that are printed: what it cost before discounts only where that is something else.
const OF_LINES: [&str; 3] = ["total", "preDiscount", "priceTotal"];

/// The amounts that are not on the pages as often as the document says them.
pub fn missing(document: &Value, text: &str) -> Vec<String> {
    let (plain, joined) = (count(text), count(&without_group_spaces(text)));
    let mut printed = plain;
    for (amount, times) in joined {
        let known = printed.entry(amount).or_default();
        *known = times.max(*known);
    }
    let mut missing = Vec::new();
    for (what, amount) in amounts(document) {
        match printed.get_mut(&digits(&amount)) {
            Some(left) if *left > 0 => *left -= 1,
            _ => missing.push(format!("{what} {amount}")),
        }
    }
    missing
}

/// How often each word with digits is there, by its digits.
fn count(text: &str) -> BTreeMap<String, usize> {
    let mut words: BTreeMap<String, usize> = BTreeMap::new();
    for word in text.split_ascii_whitespace() {
        *words.entry(digits(word)).or_default() += 1;
    }
    words
}

/// A text in which groups of three digits follow each other. Poppler writes the narrow spaces between them as it writes spaces between
/// words; columns are further apart.
fn without_group_spaces(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let digit = |at: usize| characters.get(at).is_some_and(char::is_ascii_digit);
    let is_between = |at: usize| {
        at > 0 && characters[at] == ' ' && digit(at - 1) && (1..=3).all(|next| digit(at + next)) && !digit(at + 4)
    };
    (0..characters.len()).filter(|at| !is_between(*at)).map(|at| characters[at]).collect()
}

/// The digits alone: groups, decimal marks, signs and currencies are the language's.
fn digits(word: &str) -> String {
    word.chars().filter(char::is_ascii_digit).collect()
}

/// The amounts that a reader must find, each with what it is.
fn amounts(document: &Value) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    let mut take = |what: &'static str, value: &Value| {
        if let Some(amount) = value.as_str() {
            found.push((what, amount.to_owned()));
        }
    };
    for what in ["subtotal", "total", "amountDue", "carriedForward", "priceSubtotal"] {
        take(what, &document[what]);
    }
    let list = |name: &str| document[name].as_array().cloned().unwrap_or_default();
    if list("taxes").len() != 1 {
        take("tax", &document["tax"]);
    }
    if list("prepayments").len() > 1 {
        take("prepaid", &document["prepaid"]);
    }
    for (name, fields) in [
        ("taxes", &["base", "amount"][..]),
        ("prepayments", &["amount"]),
        ("returnedCredits", &["amount"]),
        ("credits", &["amount"]),
    ] {
        for item in list(name) {
            fields.iter().for_each(|field| take(name_of(field), &item[*field]));
        }
    }
    let lines = list("lines");
    let told_below = !list("discounts").is_empty();
    for line in lines.iter().filter(|line| !(told_below && line["type"] == "Multiplier")) {
        for field in OF_LINES {
            let same = field == "preDiscount" && line["preDiscount"] == line["total"];
            if !same {
                take(name_of(field), &line[field]);
            }
        }
    }
    for project in list("projects") {
        if lines.iter().any(|line| line["project"] == project["project"]) {
            take("project", &project["subtotal"]);
        }
    }
    found
}

fn name_of(field: &str) -> &'static str {
    match field {
        "base" => "taxes.base",
        "amount" => "amount",
        "preDiscount" => "lines.preDiscount",
        "priceTotal" => "lines.priceTotal",
        _ => "lines.total",
    }
}
