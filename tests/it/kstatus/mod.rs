//! What tools that wait for objects see of the kinds that people apply: Flux by the rules of kstatus, Argo CD by the README's script.

mod health;
mod rules;
mod walk;
