//! Numbers and dates as the reader writes them.

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, TimeDelta, Timelike, Utc};

/// The languages that there are labels in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// `en`, which is also for everybody whose language is not here.
    English,
    /// `de`
    German,
    /// `fr`
    French,
    /// `fi`
    Finnish,
    /// `sv`
    Swedish,
    /// `es`
    Spanish,
    /// `it`
    Italian,
    /// `nl`
    Dutch,
}

impl Language {
    /// All of them, in the order of the labels' columns.
    pub const ALL: [Self; 8] = [
        Self::English,
        Self::German,
        Self::French,
        Self::Finnish,
        Self::Swedish,
        Self::Spanish,
        Self::Italian,
        Self::Dutch,
    ];

    /// Its code of ISO 639-1.
    pub fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
            Self::French => "fr",
            Self::Finnish => "fi",
            Self::Swedish => "sv",
            Self::Spanish => "es",
            Self::Italian => "it",
            Self::Dutch => "nl",
        }
    }

    fn months(self) -> [&'static str; 12] {
        let names = match self {
            Self::English => "January February March April May June July August September October November December",
            Self::German => "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
            Self::French => "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
            Self::Finnish => {
                "tammikuu helmikuu maaliskuu huhtikuu toukokuu kesäkuu heinäkuu elokuu syyskuu lokakuu marraskuu joulukuu"
            }
            Self::Swedish => "januari februari mars april maj juni juli augusti september oktober november december",
            Self::Spanish => "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
            Self::Italian => {
                "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre"
            }
            Self::Dutch => "januari februari maart april mei juni juli augustus september oktober november december",
        };
        let mut months = [""; 12];
        months.iter_mut().zip(names.split(' ')).for_each(|(month, name)| *month = name);
        months
    }
}

/// How numbers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Numbers {
    group: char,
    decimal: char,
}

/// A language, and how numbers and dates are written in a region of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locale {
    /// The language of the labels.
    pub language: Language,
    /// The region by its code of two letters, where one is named.
    pub region: Option<String>,
}

const NARROW_SPACE: char = '\u{202F}';
const SPACE: char = '\u{A0}';
const MINUS: char = '\u{2212}';

impl Locale {
    /// The first of some tags of BCP 47 whose language there are labels in; else English.
    pub fn of<'a>(tags: impl IntoIterator<Item = Option<&'a str>>) -> Self {
        let known = tags.into_iter().flatten().find_map(|tag| {
            let mut parts = tag.split('-');
            let code = parts.next()?;
            let language = Language::ALL.into_iter().find(|language| language.code() == code)?;
            let region = parts.find(|part| part.len() == 2).map(str::to_owned);
            Some(Self { language, region })
        });
        known.unwrap_or(Self { language: Language::English, region: None })
    }

    /// As the locale data of Unicode has them (CLDR), for the regions where an amount would be read wrongly otherwise.
    fn numbers(&self) -> Numbers {
        let (group, decimal) = match (self.language, self.region.as_deref()) {
            (Language::German | Language::Italian, Some("CH" | "LI")) => ('\u{2019}', '.'),
            (Language::Spanish, Some("MX" | "US" | "PR" | "GT" | "HN" | "NI" | "PA" | "PE" | "SV" | "DO")) => {
                (',', '.')
            }
            (Language::English, Some("ZA")) => (SPACE, ','),
            (Language::English, _) => (',', '.'),
            (Language::French, _) => (NARROW_SPACE, ','),
            (Language::Finnish | Language::Swedish, _) => (SPACE, ','),
            (Language::German | Language::Spanish | Language::Italian | Language::Dutch, _) => ('.', ','),
        };
        Numbers { group, decimal }
    }

    /// A decimal, as documents have it, with all of its digits.
    pub fn number(&self, plain: &str) -> String {
        let Numbers { group, decimal } = self.numbers();
        let (sign, digits) = match plain.strip_prefix('-') {
            Some(digits) => (Some(MINUS), digits),
            None => (None, plain),
        };
        let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(whole, part)| (whole, Some(part)));
        let mut written = String::from_iter(sign);
        for (at, digit) in whole.chars().enumerate() {
            let left = whole.chars().count() - at;
            if at > 0 && left.is_multiple_of(3) {
                written.push(group);
            }
            written.push(digit);
        }
        if let Some(fraction) = fraction {
            written.push(decimal);
            written.push_str(fraction);
        }
        written
    }

    /// A number of per cent.
    pub fn percent(&self, plain: &str) -> String {
        let space = match self.language {
            Language::English | Language::Italian | Language::Dutch => "",
            _ => "\u{A0}",
        };
        format!("{}{space}%", self.number(plain))
    }

    /// A label with a colon behind it.
    pub fn with_colon(&self, label: &str) -> String {
        let space = if self.language == Language::French { "\u{A0}" } else { "" };
        format!("{label}{space}:")
    }

    /// A day in words.
    pub fn date(&self, day: NaiveDate) -> String {
        let month = self.language.months()[day.month0() as usize];
        let (year, number) = (day.year(), day.day());
        match self.language {
            Language::English if self.is_american() => format!("{month} {number}, {year}"),
            Language::English | Language::Swedish | Language::Dutch => format!("{number} {month} {year}"),
            Language::German => format!("{number}. {month} {year}"),
            Language::French if number == 1 => format!("1er {month} {year}"),
            Language::Italian if number == 1 => format!("1º {month} {year}"),
            Language::French | Language::Italian => format!("{number} {month} {year}"),
            Language::Finnish => format!("{number}. {month}ta {year}"),
            Language::Spanish => format!("{number} de {month} de {year}"),
        }
    }

    /// A month in words.
    pub fn month(&self, day: NaiveDate) -> String {
        let month = self.language.months()[day.month0() as usize];
        match self.language {
            Language::Spanish => format!("{month} de {}", day.year()),
            _ => format!("{month} {}", day.year()),
        }
    }

    /// A day in numbers, but in English, where these are read both ways.
    pub fn short_date(&self, day: NaiveDate) -> String {
        let format = match self.language {
            Language::English if self.is_american() => "%b %-d, %Y",
            Language::English => "%-d %b %Y",
            Language::German => "%d.%m.%Y",
            Language::French | Language::Spanish | Language::Italian => "%d/%m/%Y",
            Language::Finnish => "%-d.%-m.%Y",
            Language::Swedish => "%Y-%m-%d",
            Language::Dutch => "%d-%m-%Y",
        };
        day.format(format).to_string()
    }

    /// A day and a time of it, to the minute; with seconds, where there are any.
    pub fn instant(&self, instant: DateTime<Utc>) -> String {
        let colon = if self.language == Language::Finnish { '.' } else { ':' };
        let (hour, minute, second) = (instant.hour(), instant.minute(), instant.second());
        let seconds = if second == 0 { String::new() } else { format!("{colon}{second:02}") };
        format!("{} {hour:02}{colon}{minute:02}{seconds}", self.short_date(instant.date_naive()))
    }

    /// An interval: by its days, the last one included, where it begins and ends at midnight; else by its instants.
    pub fn interval(&self, start: DateTime<Utc>, end: DateTime<Utc>) -> String {
        let midnight = |instant: DateTime<Utc>| instant.time() == NaiveTime::MIN;
        if start == end {
            return if midnight(start) { self.short_date(start.date_naive()) } else { self.instant(start) };
        }
        let last_day = (end - TimeDelta::nanoseconds(1)).date_naive();
        match (midnight(start) && midnight(end), start.date_naive() == last_day) {
            (true, true) => self.short_date(last_day),
            (true, false) => format!("{} – {}", self.short_date(start.date_naive()), self.short_date(last_day)),
            (false, _) => format!("{} – {}", self.instant(start), self.instant(end)),
        }
    }

    fn is_american(&self) -> bool {
        matches!(self.region.as_deref(), Some("US" | "PH"))
    }
}

#[cfg(test)]
mod tests {
    use super::{Language, Locale};
    use chrono::{DateTime, NaiveDate, Utc};

    fn locale(tag: &str) -> Locale {
        Locale::of([Some(tag)])
    }

    #[test]
    fn a_number_is_written_as_in_the_locale() {
        for (tag, written) in [
            ("en", "1,234,567.50"),
            ("de", "1.234.567,50"),
            ("de-CH", "1’234’567.50"),
            ("fr", "1\u{202F}234\u{202F}567,50"),
            ("fi", "1\u{A0}234\u{A0}567,50"),
            ("sv", "1\u{A0}234\u{A0}567,50"),
            ("es", "1.234.567,50"),
            ("es-MX", "1,234,567.50"),
            ("it", "1.234.567,50"),
            ("nl", "1.234.567,50"),
        ] {
            assert_eq!(locale(tag).number("1234567.50"), written, "{tag}");
        }
        let english = locale("en");
        let written = ["0", "-0.5", "999", "1000", "-1000000", "0.000001"].map(|plain| english.number(plain));
        assert_eq!(written, ["0", "−0.5", "999", "1,000", "−1,000,000", "0.000001"]);
        assert_eq!((locale("fi").percent("25.5"), english.percent("25.5")), ("25,5\u{A0}%".into(), "25.5%".into()));
    }

    #[test]
    fn a_day_is_written_as_in_the_locale() {
        let day = |day| NaiveDate::from_ymd_opt(2026, 11, day).expect("a day");
        for (tag, long, short) in [
            ("en", "5 November 2026", "5 Nov 2026"),
            ("en-US", "November 5, 2026", "Nov 5, 2026"),
            ("de", "5. November 2026", "05.11.2026"),
            ("fr", "5 novembre 2026", "05/11/2026"),
            ("fi", "5. marraskuuta 2026", "5.11.2026"),
            ("sv", "5 november 2026", "2026-11-05"),
            ("es", "5 de noviembre de 2026", "05/11/2026"),
            ("it", "5 novembre 2026", "05/11/2026"),
            ("nl", "5 november 2026", "05-11-2026"),
        ] {
            assert_eq!(
                (locale(tag).date(day(5)), locale(tag).short_date(day(5))),
                (long.into(), short.into()),
                "{tag}"
            );
        }
        assert_eq!(
            (locale("fr").date(day(1)), locale("it").date(day(1))),
            ("1er novembre 2026".into(), "1º novembre 2026".into())
        );
        assert_eq!(
            (locale("fi").month(day(1)), locale("es").month(day(1))),
            ("marraskuu 2026".into(), "noviembre de 2026".into())
        );
    }

    #[test]
    fn an_interval_names_its_last_day_or_its_instants() {
        let english = locale("en");
        let interval = |start: &str, end: &str| {
            let instant = |text: &str| text.parse::<DateTime<Utc>>().expect("an instant");
            english.interval(instant(start), instant(end))
        };
        assert_eq!(interval("2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z"), "1 Oct 2026 – 31 Oct 2026");
        assert_eq!(interval("2026-10-01T00:00:00Z", "2026-10-02T00:00:00Z"), "1 Oct 2026");
        assert_eq!(interval("2026-10-01T00:00:00Z", "2026-10-01T00:00:00Z"), "1 Oct 2026");
        assert_eq!(interval("2026-10-01T12:30:05Z", "2026-10-02T00:00:00Z"), "1 Oct 2026 12:30:05 – 2 Oct 2026 00:00");
    }

    #[test]
    fn the_first_language_with_labels_is_taken_and_english_without_any() {
        assert_eq!(Locale::of([Some("pl"), Some("sr-Latn"), Some("de-Latn-CH")]).region.as_deref(), Some("CH"));
        assert_eq!(Locale::of([None, Some("nl")]).language, Language::Dutch);
        assert_eq!(Locale::of([Some("pl"), None]), Locale { language: Language::English, region: None });
    }
}
