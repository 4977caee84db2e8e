//! What stands in parentheses.

use super::{DEPTH_MAX, Flags, Node, Parser, uses};
use crate::language::NotRegular;

impl Parser<'_> {
    /// A group, after its `(`.
    pub(super) fn group(&mut self) -> Result<Vec<Node>, NotRegular> {
        if self.peek() == Some(b'*') {
            return Err(uses("(*…)"));
        }
        if !self.take(b"?") {
            if self.flags.unnamed_capture_not {
                return Ok(vec![self.inside()?]);
            }
            return Ok(vec![self.capturing()?]);
        }
        let look =
            [(&b"="[..], true, false), (b"!", true, true), (b"<=", false, false), (b"<!", false, true)];
        for (text, ahead, negative) in look {
            if self.take(text) {
                let node = Box::new(self.inside()?);
                return Ok(vec![Node::Look { ahead, negative, node }]);
            }
        }
        for (open, close) in [(&b"<"[..], &b">"[..]), (b"P<", b">"), (b"'", b"'")] {
            if self.take(open) {
                self.take_until(close).ok_or_else(|| uses("an open name"))?;
                return Ok(vec![self.capturing()?]);
            }
        }
        if self.take(b":") {
            return Ok(vec![self.inside()?]);
        }
        if self.take(b">") {
            let node = self.inside()?;
            return Ok(vec![atomic(node)?]);
        }
        match self.peek() {
            Some(b'|') => Err(uses("(?|…)")),
            Some(b'(') => Err(uses("a conditional group")),
            Some(b'C') => Err(uses("a callout")),
            Some(b'R' | b'P' | b'&' | b'+' | b'0'..=b'9') => Err(uses("a recursion")),
            _ => self.options(),
        }
    }

    fn capturing(&mut self) -> Result<Node, NotRegular> {
        self.groups += 1;
        let number = self.groups;
        Ok(Node::Group(number, Box::new(self.inside()?)))
    }

    /// What is left of a group, with its `)`. Options set inside end with it.
    fn inside(&mut self) -> Result<Node, NotRegular> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(NotRegular::TooLarge);
        }
        let flags = self.flags;
        let node = self.alternatives()?;
        self.flags = flags;
        self.depth -= 1;
        if self.take(b")") { Ok(node) } else { Err(uses("an open group")) }
    }

    /// `(?i)`, `(?i-s:…)`, after the `?`.
    fn options(&mut self) -> Result<Vec<Node>, NotRegular> {
        let outside = self.flags;
        let mut flags = self.flags;
        if self.take(b"^") {
            flags = Flags { lazy: flags.lazy, ..Flags::default() };
        }
        let mut on = true;
        loop {
            let flag = match self.bump() {
                Some(b'-') if on => {
                    on = false;
                    if self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
                        return Err(uses("a recursion"));
                    }
                    continue;
                }
                Some(b'i') => &mut flags.caseless,
                Some(b'm') => &mut flags.lines,
                Some(b's') => &mut flags.dot_all,
                Some(b'x') if self.peek() != Some(b'x') => &mut flags.extended,
                Some(b'n') => &mut flags.unnamed_capture_not,
                Some(b'U') => &mut flags.lazy,
                Some(b')') => {
                    self.flags = flags;
                    self.skip()?;
                    let quantified = self.peek().is_some_and(|byte| b"*+?{".contains(&byte));
                    return if quantified { Err(uses("a quantifier of nothing")) } else { Ok(Vec::new()) };
                }
                Some(b':') => {
                    self.flags = flags;
                    let node = self.inside()?;
                    self.flags = outside;
                    return Ok(vec![node]);
                }
                _ => return Err(uses("(?…)")),
            };
            *flag = on;
        }
    }
}

/// `(?>node)`: what matches first and is never reconsidered, said with look-ahead. Only where that is exact.
pub(super) fn atomic(node: Node) -> Result<Node, NotRegular> {
    let not = |node: Node| Node::Look { ahead: true, negative: true, node: Box::new(node) };
    match node {
        Node::Byte(_) | Node::Assert(_) | Node::Look { .. } => Ok(node),
        Node::Group(number, node) => Ok(Node::Group(number, Box::new(atomic(*node)?))),
        Node::Either(nodes) => {
            let mut earlier: Vec<Node> = Vec::new();
            let mut branches = Vec::new();
            for node in nodes {
                let mut branch: Vec<Node> = earlier.iter().cloned().map(not).collect();
                earlier.push(node.clone());
                branch.push(atomic(node)?);
                branches.push(Node::Concat(branch));
            }
            Ok(Node::Either(branches))
        }
        Node::Concat(mut nodes) => {
            let last = nodes.pop();
            if !nodes.iter().all(|node| length(node).is_some()) {
                return Err(uses("an atomic group"));
            }
            nodes.extend(last.map(atomic).transpose()?);
            Ok(Node::Concat(nodes))
        }
        Node::Repeat { node, least, most, greedy } => match (length(&node), greedy) {
            (Some(1..), true) => {
                let full = most.map(|most| {
                    let node = node.clone();
                    Node::Repeat { node, least: most, most: Some(most), greedy }
                });
                let fewer = match most {
                    Some(0) => return Ok(Node::NOTHING),
                    Some(most) => Some(most - 1),
                    None => None,
                };
                let stopped = fewer.is_none_or(|fewer| fewer >= least).then(|| {
                    let node = node.clone();
                    Node::Repeat { node, least, most: fewer, greedy }
                });
                let stopped = stopped.map(|repeat| Node::Concat(vec![repeat, not(*node)]));
                Ok(Node::Either(full.into_iter().chain(stopped).collect()))
            }
            (Some(_), false) => Ok(Node::Repeat { node, least, most: Some(least), greedy }),
            _ => Err(uses("an atomic group")),
        },
    }
}

/// How many bytes it always matches; `None` when that varies.
fn length(node: &Node) -> Option<usize> {
    match node {
        Node::Byte(_) => Some(1),
        Node::Assert(_) | Node::Look { .. } => Some(0),
        Node::Group(_, node) => length(node),
        Node::Concat(nodes) => nodes.iter().map(length).sum(),
        Node::Either(nodes) => {
            let first = length(nodes.first()?)?;
            nodes.iter().all(|node| length(node) == Some(first)).then_some(first)
        }
        Node::Repeat { node, least, most, .. } if *most == Some(*least) => {
            Some(length(node)?.saturating_mul(*least as usize))
        }
        Node::Repeat { .. } => None,
    }
}
