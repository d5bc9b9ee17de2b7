//! The page about meters: what its commands print is what they print.

use std::{env, fs};

use super::tried::{Rising, prometheus};
use crate::{Result, support::command::run};

const PAGE: &str = "docs/meters.md";

/// Where the page says that the server of metrics is.
const SERVER: &str = "http://localhost:9090";

/// What it has samples of: a day of two projects, of which one has a pod that another takes the place of.
const SAMPLES: [Rising; 5] = {
    const BEGIN: &str = "2026-11-20T11:00:00Z";
    const NOW: &str = "2026-11-21T12:00:00Z";
    const CHANGE: &str = "2026-11-20T20:30:00Z";
    [
        Rising {
            series: r#"http_requests_total{ingress="public",namespace="umbra-web",pod="a"}"#,
            rate: 15,
            from: BEGIN,
            until: NOW,
        },
        Rising {
            series: r#"http_requests_total{ingress="public",namespace="umbra-web",pod="b"}"#,
            rate: 10,
            from: BEGIN,
            until: CHANGE,
        },
        Rising {
            series: r#"http_requests_total{ingress="public",namespace="umbra-web",pod="c"}"#,
            rate: 10,
            from: CHANGE,
            until: NOW,
        },
        Rising {
            series: r#"container_network_transmit_bytes_total{interface="eth0",namespace="umbra-web"}"#,
            rate: 2_000_000,
            from: BEGIN,
            until: NOW,
        },
        Rising {
            series: r#"container_network_transmit_bytes_total{interface="eth0",namespace="umbra-lab"}"#,
            rate: 50_000,
            from: BEGIN,
            until: NOW,
        },
    ]
};

/// A block of the page that begins with a command: the command, and what it printed.
fn blocks(page: &str) -> Vec<(String, String)> {
    let blocks = page.split("```console\n$ ").skip(1).filter_map(|rest| rest.split("```").next());
    let block = |block: &str| block.split_once('\n').map(|(command, printed)| (command.to_owned(), printed.to_owned()));
    blocks.filter_map(block).filter(|(command, _)| command.starts_with("kubectl billing ")).collect()
}

/// What a line prints, with a server of metrics at `url`: commands of the plugin, each of which reads what the one before printed.
fn printed(line: &str, url: &str) -> Result<String> {
    let mut input = String::new();
    let mut said = String::new();
    for command in line.split(" | ") {
        let words: Vec<_> = command.split(' ').skip(2).map(|word| if word == SERVER { url } else { word }).collect();
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
    assert!(blocks.len() >= 4, "{} blocks", blocks.len());
    let server = prometheus(&SAMPLES)?;
    for (command, shown) in blocks {
        let printed = printed(&command, &server.url())?;
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
    for file in ["meters/volumes", "meters/databases", "meters/nodes", "meters/fee", "metrics/egress"] {
        let example = fs::read_to_string(format!("examples/{file}.yaml"))?;
        let meter = example.split("---\n").next().unwrap_or_default();
        let meter: String =
            meter.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect();
        assert!(page.contains(&format!("```yaml\n{meter}```")), "{file}:\n{meter}");
    }
    Ok(())
}
