//! A regex as a program: a state per byte it reads, and the ways between them in the order in which PCRE tries them.

use super::NotRegular;
use super::set::{Classes, Set};
use super::syntax::{Assert, Node, is_word};

/// How many states a program may have.
const STATES_MAX: usize = 30_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Reads a byte of the set with this number, then goes on.
    Byte(u32, u32),
    /// Goes either way, rather the first.
    Split(u32, u32),
    Never,
    Assert(Assert, u32),
    /// Goes on where `looks[number]` matches here (or, negative, does not).
    Look {
        number: u32,
        negative: bool,
        next: u32,
    },
    /// Goes on where `behinds[number]` matches up to here (or, negative, does not).
    Behind {
        number: u32,
        negative: bool,
        next: u32,
    },
    /// The wanted group begins.
    Open(u32),
    /// It ends.
    Close(u32),
    Match,
}

#[derive(Debug)]
pub(super) struct Program {
    pub(super) states: Vec<State>,
    pub(super) sets: Vec<Set>,
    pub(super) start: u32,
    pub(super) looks: Vec<Program>,
    pub(super) behinds: Vec<Program>,
    /// Whether a place is told by the characters around it.
    pub(super) has_boundary: bool,
    /// Whether it asks where the text or a line begins or ends.
    pub(super) has_line: bool,
    /// Whether the begin of a match depends on what stands before it.
    pub(super) asks_before: bool,
    asks_after: bool,
}

impl Program {
    /// A program that also says when `group` begins and ends.
    pub(super) fn new(node: &Node, group: Option<usize>) -> Result<Program, NotRegular> {
        let program = Program {
            states: vec![State::Match],
            sets: Vec::new(),
            start: 0,
            looks: Vec::new(),
            behinds: Vec::new(),
            has_boundary: false,
            has_line: false,
            asks_before: false,
            asks_after: false,
        };
        let mut writer = Writer { program, group, looking: false };
        let start = writer.write(node, 0)?;
        writer.program.start = start;
        Ok(writer.program)
    }

    /// Divides the bytes so that the program never tells two of a class apart.
    pub(super) fn split(&self, classes: &mut Classes) {
        self.sets.iter().for_each(|set| classes.split_by(set));
        if self.has_boundary || self.has_line {
            classes.split(|byte| u8::from(byte == b'\n') + 2 * u8::from(is_word(byte)));
        }
        self.looks.iter().chain(&self.behinds).for_each(|program| program.split(classes));
    }
}

struct Writer {
    program: Program,
    /// The group whose begin and end are said.
    group: Option<usize>,
    looking: bool,
}

impl Writer {
    fn push(&mut self, state: State) -> Result<u32, NotRegular> {
        if self.program.states.len() >= STATES_MAX {
            return Err(NotRegular::TooLarge);
        }
        self.program.states.push(state);
        Ok(self.program.states.len() as u32 - 1)
    }

    /// Writes `node` so that `next` follows; returns where it begins. Written from the end.
    fn write(&mut self, node: &Node, next: u32) -> Result<u32, NotRegular> {
        match node {
            Node::Byte(set) => {
                let known = self.program.sets.iter().rposition(|one| one == set);
                let number = known.unwrap_or_else(|| {
                    self.program.sets.push(*set);
                    self.program.sets.len() - 1
                });
                self.push(State::Byte(number as u32, next))
            }
            Node::Concat(nodes) => nodes.iter().rev().try_fold(next, |next, node| self.write(node, next)),
            Node::Either(nodes) => {
                let mut ways = nodes.iter().rev();
                let mut start = match ways.next() {
                    Some(last) => self.write(last, next)?,
                    None => self.push(State::Never)?,
                };
                for way in ways {
                    let way = self.write(way, next)?;
                    start = self.push(State::Split(way, start))?;
                }
                Ok(start)
            }
            Node::Group(number, node) if self.group == Some(*number) => {
                if self.looking {
                    return Err(NotRegular::Uses("the group of a look-around".to_owned()));
                }
                let close = self.push(State::Close(next))?;
                let start = self.write(node, close)?;
                self.push(State::Open(start))
            }
            Node::Group(_, node) => self.write(node, next),
            Node::Repeat { node, least, most, greedy } => self.repeat(node, *least, *most, *greedy, next),
            Node::Assert(assert) => {
                match assert {
                    Assert::Boundary | Assert::NoBoundary => self.program.has_boundary = true,
                    _ => self.program.has_line = true,
                }
                match assert {
                    Assert::Start => self.program.asks_before = true,
                    Assert::End | Assert::LastLineEnd | Assert::LineEnd => self.program.asks_after = true,
                    Assert::LineStart | Assert::Boundary | Assert::NoBoundary => {
                        self.program.asks_before = true;
                        self.program.asks_after = true;
                    }
                }
                self.push(State::Assert(*assert, next))
            }
            Node::Look { ahead, negative, node } => self.look(*ahead, *negative, node, next),
        }
    }

    fn look(&mut self, ahead: bool, negative: bool, node: &Node, next: u32) -> Result<u32, NotRegular> {
        let looking = std::mem::replace(&mut self.looking, true);
        if let Some(group) = self.group
            && !negative
            && holds_group(node, group)
        {
            return Err(NotRegular::Uses("the group of a look-around".to_owned()));
        }
        let inner = Program::new(node, None)?;
        self.looking = looking;
        if ahead {
            if !inner.behinds.is_empty() {
                return Err(NotRegular::Uses("a look-behind in a look-ahead".to_owned()));
            }
            self.program.asks_before |= inner.asks_before;
            self.program.looks.push(inner);
            let number = self.program.looks.len() as u32 - 1;
            return self.push(State::Look { number, negative, next });
        }
        if inner.asks_after || !inner.looks.is_empty() || !inner.behinds.is_empty() {
            return Err(NotRegular::Uses("an assertion in a look-behind".to_owned()));
        }
        self.program.behinds.push(inner);
        let number = self.program.behinds.len() as u32 - 1;
        self.push(State::Behind { number, negative, next })
    }

    fn repeat(
        &mut self,
        node: &Node,
        least: u32,
        most: Option<u32>,
        greedy: bool,
        next: u32,
    ) -> Result<u32, NotRegular> {
        let split = |way, next| if greedy { State::Split(way, next) } else { State::Split(next, way) };
        let mut start = next;
        let mut copies = least;
        match most {
            // Captures are of the last repetition, and PCRE ends a loop after one that was empty.
            None if self.group.is_some() && node.is_nullable() => {
                let again = self.push(State::Never)?;
                start = self.write_twice(node, [next, again])?[0];
                self.program.states[again as usize] = split(start, next);
                if least == 0 {
                    start = self.push(split(start, next))?;
                }
                copies = least.saturating_sub(1);
            }
            None => {
                let again = self.push(State::Never)?;
                let body = self.write(node, again)?;
                self.program.states[again as usize] = split(body, next);
                start = again;
            }
            Some(most) => {
                for _ in least..most {
                    let body = self.write(node, start)?;
                    start = self.push(split(body, next))?;
                }
            }
        }
        for _ in 0..copies {
            let before = start;
            start = self.write(node, start)?;
            if start == before {
                break;
            }
        }
        Ok(start)
    }

    /// Writes `node` so that `next[0]` follows as long as no byte was read, `next[1]` after one; returns where it
    /// begins, before and after a first byte.
    fn write_twice(&mut self, node: &Node, next: [u32; 2]) -> Result<[u32; 2], NotRegular> {
        match node {
            Node::Byte(_) => self.write(node, next[1]).map(|start| [start; 2]),
            Node::Concat(nodes) => {
                nodes.iter().rev().try_fold(next, |next, node| self.write_twice(node, next))
            }
            Node::Either(nodes) => {
                let mut start: Option<[u32; 2]> = None;
                for way in nodes.iter().rev() {
                    let way = self.write_twice(way, next)?;
                    start = Some(match start {
                        None => way,
                        Some(start) => [
                            self.push(State::Split(way[0], start[0]))?,
                            self.push(State::Split(way[1], start[1]))?,
                        ],
                    });
                }
                match start {
                    Some(start) => Ok(start),
                    None => self.push(State::Never).map(|never| [never; 2]),
                }
            }
            Node::Group(number, node) if self.group == Some(*number) => {
                let close = [self.push(State::Close(next[0]))?, self.push(State::Close(next[1]))?];
                let start = self.write_twice(node, close)?;
                Ok([self.push(State::Open(start[0]))?, self.push(State::Open(start[1]))?])
            }
            Node::Group(_, node) => self.write_twice(node, next),
            Node::Assert(_) | Node::Look { .. } => {
                Ok([self.write(node, next[0])?, self.write(node, next[1])?])
            }
            Node::Repeat { node: inner, least, most, greedy } => {
                let split =
                    |way, next| if *greedy { State::Split(way, next) } else { State::Split(next, way) };
                let mut start = next;
                let mut copies = *least;
                match *most {
                    None => {
                        let again = self.push(State::Never)?;
                        // A loop that has read something is one without a first byte to wait for.
                        let after = self.write_twice(inner, [next[1], again])?[0];
                        self.program.states[again as usize] = split(after, next[1]);
                        let before = self.write_twice(inner, [next[0], again])?[0];
                        start = [before, after];
                        if *least == 0 {
                            start = [self.push(split(before, next[0]))?, self.push(split(after, next[1]))?];
                        }
                        copies = least.saturating_sub(1);
                    }
                    Some(most) => {
                        for _ in *least..most {
                            let body = self.write_twice(inner, start)?;
                            start =
                                [self.push(split(body[0], next[0]))?, self.push(split(body[1], next[1]))?];
                        }
                    }
                }
                for _ in 0..copies {
                    let before = start;
                    start = self.write_twice(inner, start)?;
                    if start == before {
                        break;
                    }
                }
                Ok(start)
            }
        }
    }
}

fn holds_group(node: &Node, group: usize) -> bool {
    match node {
        Node::Byte(_) | Node::Assert(_) => false,
        Node::Concat(nodes) | Node::Either(nodes) => nodes.iter().any(|node| holds_group(node, group)),
        Node::Group(number, node) => *number == group || holds_group(node, group),
        Node::Repeat { node, .. } | Node::Look { node, .. } => holds_group(node, group),
    }
}
