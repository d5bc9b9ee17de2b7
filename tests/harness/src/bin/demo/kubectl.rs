//! `kubectl`, on the demo's API server and no other.

use std::{
    io::IsTerminal,
    path::PathBuf,
    process::{Command, Output},
};

use billing_test_harness::assets::{self, Tool};

use crate::{Result, place::Place};

/// `kubectl` with the demo's kubeconfig, whatever the user's own is.
#[derive(Debug)]
pub struct Kubectl {
    program: PathBuf,
    kubeconfig: PathBuf,
    cache: PathBuf,
}

impl Kubectl {
    /// `kubectl` for a demo.
    pub fn of(place: &Place) -> Result<Self> {
        let program = assets::find(Tool::Kubectl)?;
        Ok(Self { program, kubeconfig: place.kubeconfig(), cache: place.kubectl_cache() })
    }

    /// Runs a command and shows it with what it says, as a reader who types it sees both. Says whether it succeeded.
    pub fn show(&self, args: &[&str]) -> Result<bool> {
        println!("{}", emphasised(&format!("$ {}", typed("kubectl", args))));
        let Output { status, stdout, stderr } = self.command(args).output()?;
        println!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        Ok(status.success())
    }

    /// The standard output of a command, which must succeed.
    pub fn read(&self, args: &[&str]) -> Result<Vec<u8>> {
        let Output { status, stdout, stderr } = self.command(args).output()?;
        if status.success() {
            return Ok(stdout);
        }
        Err(format!("kubectl {}: {}", args.join(" "), String::from_utf8_lossy(&stderr).trim_end()).into())
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .env("KUBECONFIG", &self.kubeconfig)
            .env("KUBECACHEDIR", &self.cache)
            // The user's preferences would change what a reader sees.
            .env("KUBERC", "off")
            .args(args);
        command
    }
}

/// A command as somebody would type it.
pub fn typed(program: &str, args: &[&str]) -> String {
    let words: Vec<String> = std::iter::once(program).chain(args.iter().copied()).map(quoted).collect();
    words.join(" ")
}

/// In bold on a terminal.
pub fn emphasised(text: &str) -> String {
    if std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
        return format!("\x1b[1m{text}\x1b[0m");
    }
    text.to_owned()
}

/// An argument as a shell needs it.
pub fn quoted(arg: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./=,:@".contains(&byte);
    if arg.bytes().all(plain) { arg.to_owned() } else { format!("'{}'", arg.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::typed;

    #[test]
    fn a_command_can_be_copied_into_a_shell() {
        let patch = r#"{"spec":{"it":"that's"}}"#;
        assert_eq!(
            typed("kubectl", &["patch", "-n", "acme", "--patch", patch, "--as=maya"]),
            r#"kubectl patch -n acme --patch '{"spec":{"it":"that'\''s"}}' --as=maya"#
        );
    }
}
