//! How many steps an expression takes at most, from its form: the library has no limit of its own.
//!
//! Only comprehensions (`all`, `exists`, `map`, `filter`) repeat anything. What they go through is no longer than the largest part of
//! the object and all lists that the expression writes, joined; so each level of them multiplies the steps by no more than that.

use cel::IdedExpr;
use cel::common::ast::{EntryExpr, Expr};

/// The most steps of an expression, as a polynomial of how large an object is: a coefficient for each depth of comprehensions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Cost {
    /// How many parts are at each depth of comprehensions.
    parts: Vec<u64>,
    /// How deep parts are in each other.
    depth: usize,
}

impl Cost {
    pub(super) fn of(expression: &IdedExpr) -> Self {
        let mut cost = Self::default();
        cost.add(expression, 0, 1);
        cost
    }

    /// How deep parts are in each other: evaluating goes down as far.
    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    /// The most steps with an object whose largest list, map or text has so many parts.
    pub(super) fn with(&self, largest: usize) -> u64 {
        let all: u64 = self.parts.iter().sum();
        // What the expression joins is as long as everything that it names.
        let width = (largest as u64).saturating_mul(all.max(1));
        let steps = self.parts.iter().enumerate().map(|(loops, parts)| {
            let repeated = (0..loops).fold(1_u64, |product, _| product.saturating_mul(width));
            parts.saturating_mul(repeated)
        });
        steps.fold(0, u64::saturating_add)
    }

    fn add(&mut self, expression: &IdedExpr, loops: usize, depth: usize) {
        if self.parts.len() <= loops {
            self.parts.resize(loops + 1, 0);
        }
        self.parts[loops] += 1;
        self.depth = self.depth.max(depth);
        let depth = depth + 1;
        match &expression.expr {
            Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => {}
            Expr::Select(select) => self.add(&select.operand, loops, depth),
            Expr::Call(call) => {
                call.target.iter().for_each(|target| self.add(target, loops, depth));
                call.args.iter().for_each(|argument| self.add(argument, loops, depth));
            }
            Expr::List(list) => list.elements.iter().for_each(|element| self.add(element, loops, depth)),
            Expr::Map(map) => map.entries.iter().for_each(|entry| self.add_entry(&entry.expr, loops, depth)),
            Expr::Struct(made) => made.entries.iter().for_each(|entry| self.add_entry(&entry.expr, loops, depth)),
            Expr::Comprehension(comprehension) => {
                self.add(&comprehension.iter_range, loops, depth);
                self.add(&comprehension.accu_init, loops, depth);
                self.add(&comprehension.loop_cond, loops + 1, depth);
                self.add(&comprehension.loop_step, loops + 1, depth);
                self.add(&comprehension.result, loops, depth);
            }
        }
    }

    fn add_entry(&mut self, entry: &EntryExpr, loops: usize, depth: usize) {
        match entry {
            EntryExpr::StructField(field) => self.add(&field.value, loops, depth),
            EntryExpr::MapEntry(entry) => {
                self.add(&entry.key, loops, depth);
                self.add(&entry.value, loops, depth);
            }
        }
    }
}
