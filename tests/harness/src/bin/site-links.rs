//! A preprocessor of mdBook (see `book.toml`): `site-links supports <renderer>`, or the book on standard input.

use std::{env, io, process::ExitCode};

use billing_test_harness::site::links_out;

fn main() -> ExitCode {
    if env::args().nth(1).is_some_and(|argument| argument == "supports") {
        return ExitCode::SUCCESS;
    }
    let book = io::read_to_string(io::stdin()).ok().and_then(|input| links_out(&input));
    match book {
        Some(book) => {
            println!("{book}");
            ExitCode::SUCCESS
        }
        None => {
            eprintln!(
                "site-links: this is not what mdBook gives a preprocessor, or book.toml has no git-repository-url"
            );
            ExitCode::FAILURE
        }
    }
}
