//! What `kubectl` asks when somebody presses the tab key: `kubectl_complete-billing <words> <the beginning of the next>`.
//!
//! The answer is a line for each word that fits, and a last line `:4`, which keeps the shell from offering files. Words come from
//! the commands' own definitions, and from the cluster: asked each time, for no more than the metadata, and not for long.

mod cluster_words;

use clap::{Arg, Args, Command};

use crate::error::CommandError;
use crate::{ExitStatus, Io};
use cluster_words::{Asked, Words};

/// The shell offers no files.
const NO_FILES: u8 = 4;
/// The shell does what it always does: it offers files.
const FILES: u8 = 0;

/// Complete a command line, for kubectl
#[derive(Args, Debug)]
pub struct CompleteArguments {
    /// The words after `kubectl billing`; the last is what is being typed
    #[arg(value_name = "WORD", trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<String>,
}

/// Runs the command. A cluster that does not answer has no words to offer, and is no error.
///
/// # Errors
/// Nothing can be printed.
pub fn run(arguments: &CompleteArguments, root: Command, io: &mut Io<'_>) -> Result<ExitStatus, CommandError> {
    let (typed, before) = arguments.words.split_last().map_or(("", &[][..]), |(last, before)| (last.as_str(), before));
    let line = Line::of(root, before);
    let (words, directive) = line.offers(typed);
    let prefix = typed.rsplit_once('=').filter(|_| typed.starts_with("--")).map(|(flag, _)| format!("{flag}="));
    let typed = prefix.as_ref().map_or(typed, |prefix| &typed[prefix.len()..]);
    for (word, about) in words.iter().filter(|(word, _)| word.starts_with(typed)) {
        let prefix = prefix.as_deref().unwrap_or_default();
        match about.as_str() {
            "" => writeln!(io.stdout, "{prefix}{word}")?,
            about => writeln!(io.stdout, "{prefix}{word}\t{about}")?,
        }
    }
    writeln!(io.stdout, ":{directive}")?;
    Ok(ExitStatus::Ok)
}

/// A command line up to the word that is being typed.
struct Line {
    command: Command,
    /// How many words stand for arguments already.
    positional: usize,
    /// A flag whose value is being typed.
    flag: Option<Arg>,
    /// What was said of the cluster.
    asked: Asked,
}

impl Line {
    fn of(mut root: Command, words: &[String]) -> Self {
        root.build();
        let mut line = Self { command: root, positional: 0, flag: None, asked: Asked::default() };
        words.iter().for_each(|word| line.take(word));
        line
    }

    fn take(&mut self, word: &str) {
        if let Some(flag) = self.flag.take() {
            self.asked.note(flag.get_id().as_str(), word);
        } else if word.starts_with('-') {
            let (name, value) = word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
            let Some(flag) = self.find_flag(name) else { return };
            match value {
                Some(value) => self.asked.note(flag.get_id().as_str(), value),
                None if flag.get_action().takes_values() => self.flag = Some(flag),
                None => {}
            }
        } else if let Some(command) = self.command.find_subcommand(word).cloned() {
            self.command = command;
        } else {
            self.positional += 1;
        }
    }

    fn find_flag(&self, name: &str) -> Option<Arg> {
        let long = name.strip_prefix("--");
        let short = name.strip_prefix('-').filter(|_| long.is_none()).and_then(|name| name.chars().next());
        let fits = |flag: &&Arg| {
            let named = long.is_some_and(|long| flag.get_long() == Some(long));
            named || (short.is_some() && flag.get_short() == short)
        };
        self.command.get_arguments().find(fits).cloned()
    }

    /// The words that can come next, each with what it is.
    fn offers(&self, typed: &str) -> (Words, u8) {
        if let Some(flag) = &self.flag {
            return self.values(flag);
        }
        if let Some((name, _)) = typed.split_once('=').filter(|_| typed.starts_with("--")) {
            return self.find_flag(name).map_or_else(|| (Words::new(), NO_FILES), |flag| self.values(&flag));
        }
        if typed.starts_with('-') {
            return (self.flags(), NO_FILES);
        }
        let commands: Words =
            self.command.get_subcommands().filter(|command| !command.is_hide_set()).map(named).collect();
        if !commands.is_empty() {
            return (commands, NO_FILES);
        }
        let positionals: Vec<&Arg> = self.command.get_positionals().collect();
        // The last argument may take any number of words.
        let at = self.positional.min(positionals.len().saturating_sub(1));
        positionals.get(at).map_or_else(|| (Words::new(), NO_FILES), |argument| self.values(argument))
    }

    fn flags(&self) -> Words {
        let shown = self.command.get_arguments().filter(|argument| !argument.is_hide_set());
        let long = shown.filter_map(|argument| {
            let about = argument.get_help().map(ToString::to_string).unwrap_or_default();
            Some((format!("--{}", argument.get_long()?), about))
        });
        long.collect()
    }

    /// The values of an argument: those that it names, or what the cluster has of the kind that it asks for.
    fn values(&self, argument: &Arg) -> (Words, u8) {
        let possible = argument.get_possible_values();
        if !possible.is_empty() {
            let shown = possible.iter().filter(|value| !value.is_hide_set());
            let about = |help: Option<&clap::builder::StyledStr>| help.map(ToString::to_string).unwrap_or_default();
            return (shown.map(|value| (value.get_name().to_owned(), about(value.get_help()))).collect(), NO_FILES);
        }
        let name = argument.get_value_names().and_then(|names| names.first()).map_or("", |name| name.as_str());
        if name == "FILE" {
            return (Words::new(), FILES);
        }
        (self.asked.words(name), NO_FILES)
    }
}

fn named(command: &Command) -> (String, String) {
    (command.get_name().to_owned(), command.get_about().map(ToString::to_string).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Line;
    use crate::Arguments;

    /// The words that are offered without a cluster.
    fn offered(words: &[&str], typed: &str) -> Vec<String> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let (offered, _) = Line::of(Arguments::command(), &words).offers(typed);
        offered.into_iter().map(|(word, _)| word).collect()
    }

    #[test]
    fn commands_flags_and_values_come_from_the_definitions() {
        let commands = offered(&[], "");
        assert!(commands.contains(&"group".to_owned()) && !commands.contains(&"__complete".to_owned()), "{commands:?}");
        assert!(offered(&["invoice"], "").contains(&"lines".to_owned()));
        assert!(offered(&["group", "list", "-n", "acme"], "--").contains(&"--sort-by".to_owned()));
        assert_eq!(offered(&["group", "delete", "main", "--dry-run"], ""), ["none", "client", "server"]);
        assert_eq!(offered(&["group", "delete", "main"], "--dry-run=s"), ["none", "client", "server"]);
        assert!(offered(&["group", "list", "-o"], "").contains(&"wide".to_owned()));
        assert!(offered(&["group", "update", "main", "--clear"], "").contains(&"vat-id".to_owned()));
    }
}
