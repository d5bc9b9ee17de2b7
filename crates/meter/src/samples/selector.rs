//! What a Meter may select: series by their name and labels, and nothing that an engine would have to compute.

/// Why a text selects no series.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: {message}")]
pub struct SelectorError {
    /// Where, from 1.
    pub column: usize,
    /// What is wrong there.
    pub message: &'static str,
}

/// Whether a text is a name with matchers (`http_requests_total{ingress="public"}`) and nothing else.
///
/// # Errors
/// It is not: the place, and what was expected there.
pub fn check(text: &str) -> Result<(), SelectorError> {
    let mut cursor = Cursor { text, at: 0 };
    cursor.blanks();
    let named = cursor.name(true);
    cursor.blanks();
    let matched = cursor.eat('{');
    if matched {
        cursor.matchers()?;
        cursor.blanks();
    } else if !named {
        return Err(cursor.error("a name of a metric, or matchers in braces, is expected"));
    }
    if cursor.rest().is_empty() {
        Ok(())
    } else {
        Err(cursor.error("a selector ends here: functions, ranges, offsets and operators are not for Meters"))
    }
}

struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn error(&self, message: &'static str) -> SelectorError {
        let before = self.text.get(..self.at).unwrap_or_default();
        SelectorError { column: before.chars().count() + 1, message }
    }

    fn next(&mut self) -> Option<char> {
        let next = self.rest().chars().next()?;
        self.at += next.len_utf8();
        Some(next)
    }

    fn eat(&mut self, wanted: char) -> bool {
        let found = self.rest().starts_with(wanted);
        if found {
            self.at += wanted.len_utf8();
        }
        found
    }

    fn blanks(&mut self) {
        while self.eat(' ') || self.eat('\t') {}
    }

    /// A name, of metrics with colons; whether there is one.
    fn name(&mut self, colons: bool) -> bool {
        let fits = |(at, c): (usize, char)| {
            c == '_' || (colons && c == ':') || c.is_ascii_alphabetic() || (at > 0 && c.is_ascii_digit())
        };
        let length = self.rest().chars().enumerate().take_while(|next| fits(*next)).count();
        self.at += length;
        length > 0
    }

    fn matchers(&mut self) -> Result<(), SelectorError> {
        loop {
            self.blanks();
            if self.eat('}') {
                return Ok(());
            }
            if !self.name(false) {
                return Err(self.error("the name of a label is expected"));
            }
            self.blanks();
            let is_operator = ["=~", "!~", "!=", "="].into_iter().find(|operator| self.rest().starts_with(operator));
            let Some(operator) = is_operator else { return Err(self.error("one of = != =~ !~ is expected")) };
            self.at += operator.len();
            self.blanks();
            self.string()?;
            self.blanks();
            if !self.eat(',') && !self.rest().starts_with('}') {
                return Err(self.error("a comma or the closing brace is expected"));
            }
        }
    }

    fn string(&mut self) -> Result<(), SelectorError> {
        let Some(quote) = ['"', '\'', '`'].into_iter().find(|quote| self.eat(*quote)) else {
            return Err(self.error("a value in quotes is expected"));
        };
        loop {
            match self.next() {
                None => return Err(self.error("the closing quote is missing")),
                Some(found) if found == quote => return Ok(()),
                Some('\\') if quote != '`' => {
                    self.next();
                }
                Some(_) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_and_matchers_select() {
        for text in [
            "up",
            "namespace:requests:sum",
            "up{}",
            " up { a = \"1\" , b!='2', } ",
            r#"http_requests_total{ingress="public",code=~"2..",path!~`\d+`,who!="a\"b}"}"#,
            r#"{__name__="up"}"#,
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn what_an_engine_would_compute_is_refused_with_the_place() {
        for (text, column, words) in [
            ("", 1, "a name of a metric"),
            ("rate(up[5m])", 5, "a selector ends here"),
            ("up[5m]", 3, "a selector ends here"),
            ("up offset 5m", 4, "a selector ends here"),
            ("up{a=\"1\"} or vector(1)", 11, "a selector ends here"),
            ("up{a}", 5, "one of = != =~ !~"),
            ("up{a=1}", 6, "a value in quotes"),
            ("up{a=\"1\" b=\"2\"}", 10, "a comma or the closing brace"),
            ("up{a=\"1}", 9, "the closing quote"),
            ("up{1=\"1\"}", 4, "the name of a label"),
            ("up{ä=\"1\"}", 4, "the name of a label"),
            ("up{a=\"ä\"", 9, "a comma or the closing brace"),
        ] {
            let error = check(text).unwrap_err();
            assert_eq!(error.column, column, "{text}: {error}");
            assert!(error.message.contains(words), "{text}: {error}");
        }
    }
}
