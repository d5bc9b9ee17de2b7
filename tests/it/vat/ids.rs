//! VAT ids made up, the same ones in every run: of every form, at random, and those that pass with a small change.

use super::passes;

/// Prefix and form: `#` a digit, `@` a letter, `0` to `9` and other characters themselves.
pub const FORMS: [(&str, &str); 58] = [
    ("AT", "U########"),
    ("BE", "0#########"),
    ("BE", "1#########"),
    ("BG", "#########"),
    ("BG", "##########"),
    ("CH", "E#########MWST"),
    ("CH", "E#########TVA"),
    ("CH", "E#########IVA"),
    ("CH", "E#########TPV"),
    ("CY", "########@"),
    ("CZ", "########"),
    ("CZ", "#########"),
    ("CZ", "##0#1#####"),
    ("CZ", "6########"),
    ("CZ", "##########"),
    ("DE", "#########"),
    ("DK", "########"),
    ("EE", "#########"),
    ("EL", "#########"),
    ("ES", "########@"),
    ("ES", "A########"),
    ("ES", "F########"),
    ("ES", "F#######@"),
    ("ES", "M#######@"),
    ("ES", "Q#######@"),
    ("ES", "X#######@"),
    ("ES", "Y#######@"),
    ("FI", "########"),
    ("FR", "###########"),
    ("FR", "#@#########"),
    ("FR", "@##########"),
    ("FR", "##000######"),
    ("GB", "#########"),
    ("GB", "0########"),
    ("GB", "############"),
    ("GB", "GD###"),
    ("GB", "HA###"),
    ("HR", "###########"),
    ("HU", "########"),
    ("IE", "#######@"),
    ("IE", "#######@A"),
    ("IE", "#######@@"),
    ("IE", "#@#####@"),
    ("IT", "#######0###"),
    ("LT", "#######1#"),
    ("LT", "##########1#"),
    ("LU", "########"),
    ("LV", "###########"),
    ("LV", "0#0#8#0####"),
    ("LV", "32#########"),
    ("MT", "########"),
    ("NL", "#########B01"),
    ("NL", "#########B##"),
    ("NO", "#########MVA"),
    ("PL", "##########"),
    ("PT", "#########"),
    ("SE", "##########01"),
    ("XI", "#########"),
];

/// More of them, whose names do not differ but in the number of digits.
const NUMBERS: [(&str, usize); 5] = [("RO", 6), ("RO", 9), ("RO", 10), ("RO", 13), ("SI", 8)];

/// How many of a form are made at random.
const RANDOM: usize = 1500;
/// How many of a form that pass are looked for, in how many.
const PASSING: usize = 40;
const LOOKED_AT: usize = 40_000;

/// Everything that is compared.
pub fn generate() -> Vec<String> {
    let forms = FORMS.iter().flat_map(of_form);
    let numbers = NUMBERS.iter().flat_map(|(prefix, digits)| of_form(&(*prefix, &"#".repeat(*digits))));
    let slovak = of_form(&("SK", "##2#######"));
    forms.chain(numbers).chain(slovak).collect()
}

/// Ids of one form: at random, such as pass, and each of these with a small change.
pub fn of_form((prefix, form): &(&str, &str)) -> Vec<String> {
    let mut random = Random::of(&format!("{prefix}{form}"));
    let mut ids: Vec<String> = (0..RANDOM).map(|_| format!("{prefix}{}", random.fill(form))).collect();
    let looked_at = (0..LOOKED_AT).map(|_| format!("{prefix}{}", random.fill(form)));
    let passing: Vec<String> = looked_at.filter(|id| passes(id)).take(PASSING).collect();
    for id in passing {
        ids.extend(changed(&mut random, prefix.len(), &id));
        ids.push(id);
    }
    ids
}

/// An id with one character another, left out, doubled, or two next to each other the other way round.
fn changed(random: &mut Random, from: usize, id: &str) -> Vec<String> {
    let mut changes = Vec::new();
    for at in from..id.len() {
        let (before, rest) = id.split_at(at);
        let (one, after) = rest.split_at(1);
        let other = if one.starts_with(|one: char| one.is_ascii_digit()) { "#" } else { "@" };
        changes.push(format!("{before}{}{after}", random.fill(other)));
        changes.push(format!("{before}{after}"));
        changes.push(format!("{before}{one}{one}{after}"));
        if let Some(next) = after.get(..1) {
            changes.push(format!("{before}{next}{one}{}", &after[1..]));
        }
    }
    changes
}

/// Numbers that look random and are the same in every run.
struct Random(u64);

impl Random {
    fn of(seed: &str) -> Self {
        Random(
            seed.bytes()
                .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)),
        )
    }

    fn below(&mut self, limit: u64) -> u8 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % limit) as u8
    }

    fn fill(&mut self, form: &str) -> String {
        let one = |place: char| match place {
            '#' => char::from(b'0' + self.below(10)),
            '@' => char::from(b'A' + self.below(26)),
            other => other,
        };
        form.chars().map(one).collect()
    }
}
