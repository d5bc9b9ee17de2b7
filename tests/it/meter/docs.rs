//! The page about meters: what its commands print is what they print.

use std::{env, fs};

use crate::{Result, support::command::run};

const PAGE: &str = "docs/meters.md";

/// A block of the page that begins with a command: the command, and what it printed.
fn blocks(page: &str) -> Vec<(String, String)> {
    let blocks = page.split("```console\n$ ").skip(1).filter_map(|rest| rest.split("```").next());
    let block = |block: &str| block.split_once('\n').map(|(command, printed)| (command.to_owned(), printed.to_owned()));
    blocks.filter_map(block).filter(|(command, _)| command.starts_with("kubectl billing ")).collect()
}

/// What a line prints: commands of the plugin, each of which reads what the one before printed.
fn printed(line: &str) -> Result<String> {
    let mut input = String::new();
    let mut said = String::new();
    for command in line.split(" | ") {
        let words: Vec<_> = command.split(' ').skip(2).collect();
        let run = run(&words, &input)?;
        said.push_str(&run.stderr);
        input = run.stdout;
    }
    Ok(input + &said)
}

/// `UPDATE=1` writes what they print into the page.
#[test]
fn the_page_shows_what_its_commands_print() -> Result {
    let mut page = fs::read_to_string(PAGE)?;
    let blocks = blocks(&page);
    assert!(blocks.len() >= 2, "{} blocks", blocks.len());
    for (command, shown) in blocks {
        let printed = printed(&command)?;
        if env::var_os("UPDATE").is_some() {
            page = page.replace(&format!("$ {command}\n{shown}"), &format!("$ {command}\n{printed}"));
            fs::write(PAGE, &page)?;
        } else {
            assert_eq!(shown, printed, "{command}");
        }
    }
    Ok(())
}

/// The Meters on the page are those of the examples, whole.
#[test]
fn the_meters_on_the_page_are_the_examples() -> Result {
    let page = fs::read_to_string(PAGE)?;
    for file in ["volumes", "databases", "nodes", "fee"] {
        let example = fs::read_to_string(format!("examples/meters/{file}.yaml"))?;
        let meter = example.split("---\n").next().unwrap_or_default();
        let meter: String =
            meter.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect();
        assert!(page.contains(&format!("```yaml\n{meter}```")), "{file}:\n{meter}");
    }
    Ok(())
}
