//! The page's catalogue, for what else speaks to people in their language: the report, and what is found of the machine.

use clap::ValueEnum;
use serde::Deserialize;

const CATALOGUE: &str = include_str!("web/page/catalogue.js");

/// A language of the catalogue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// English.
    #[default]
    En,
    /// German.
    De,
}

impl Language {
    /// The words of `key`; the key itself if there are none, as on the page.
    pub(crate) fn words(self, key: &str) -> String {
        let [en, de] = entry(key).unwrap_or_else(|| [key.to_owned(), key.to_owned()]);
        match self {
            Self::En => en,
            Self::De => de,
        }
    }

    /// The words of `key` with each `{name}` replaced.
    pub(crate) fn filled(self, key: &str, values: &[(&str, &str)]) -> String {
        let put = |text: String, (name, value): &(&str, &str)| text.replace(&format!("{{{name}}}"), value);
        values.iter().fold(self.words(key), put)
    }

    /// As HTTP, HTML and PDF name it.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::De => "de",
        }
    }
}

/// The texts of `key`: its entry in the catalogue is `  key: ["English", "Deutsch"],`, over one line or several.
fn entry(key: &str) -> Option<[String; 2]> {
    let start = [format!("\n  {key}: ["), format!("\n  \"{key}\": [")];
    let rest = start
        .iter()
        .find_map(|start| CATALOGUE.split_once(start.as_str()))?
        .1;
    let texts = rest.split_once("],")?.0.trim().trim_end_matches(',');
    serde_json::from_str(&format!("[{texts}]")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_the_page() {
        assert_eq!(
            (Language::En.words("high"), Language::De.words("high")),
            ("HIGH".into(), "HOCH".into())
        );
        assert_eq!(Language::De.words("no-signal"), "KEIN SIGNAL");
        let rates = Language::En.filled("rates", &[("captured", "60")]);
        assert!(
            rates.starts_with("60 frames/s in, {fresh}"),
            "over several lines: {rates}"
        );
        assert_eq!(Language::En.words("no such key"), "no such key");
    }
}
