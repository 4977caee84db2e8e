//! The far end: reads questions, asks them, writes what came of them.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::wire::{Line, Question};
use super::{LINE_BYTES_MAX, VERSION};
use crate::probe::Prober;

/// How many questions are under way at once; more wait where they came from.
const UNDER_WAY_MAX: usize = 512;
/// How much of a line that is no question is repeated.
const SHOWN_CHARS_MAX: usize = 200;

/// Answers the questions of `input` until it ends, and those that are under way then.
///
/// # Errors
/// When nobody reads `output` any more, or the runtime cannot be made.
pub fn serve(input: impl Read + Send + 'static, mut output: impl Write) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let hello = Line::Hello { v: VERSION, evenkeel: env!("CARGO_PKG_VERSION").to_owned() };
    say(&mut output, &hello)?;
    let (to, mut questions) = mpsc::channel(1);
    // It ends with its input, or with the process.
    std::thread::Builder::new().name("questions".to_owned()).spawn(move || read(input, &to))?;
    let prober = Arc::new(Prober::default());
    runtime.block_on(async move {
        let mut under_way = JoinSet::new();
        let mut open = true;
        loop {
            tokio::select! {
                read = questions.recv(), if open && under_way.len() < UNDER_WAY_MAX => match read {
                    None => open = false,
                    Some(Ok(Question { id, spec, .. })) => {
                        let prober = Arc::clone(&prober);
                        under_way.spawn(async move { (id, prober.ask(&spec).await) });
                    }
                    Some(Err(refused)) => say(&mut output, &refused)?,
                },
                Some(asked) = under_way.join_next() => {
                    if let Ok((id, report)) = asked {
                        say(&mut output, &Line::Answer { id, report: Box::new(report.into()) })?;
                    }
                },
                else => return Ok(()),
            }
        }
    })
}

fn say(output: &mut impl Write, line: &Line) -> io::Result<()> {
    let mut text = serde_json::to_vec(line)?;
    text.push(b'\n');
    output.write_all(&text)?;
    output.flush()
}

fn read(input: impl Read, to: &mpsc::Sender<Result<Question, Line>>) {
    let mut input = BufReader::new(input);
    loop {
        let question = match line(&mut input) {
            Ok(None) | Err(_) => return,
            Ok(Some(Err(TooLong))) => {
                Err(Line::Refused { id: None, why: format!("a line is longer than {LINE_BYTES_MAX} bytes") })
            }
            Ok(Some(Ok(line))) => question(&line),
        };
        if to.blocking_send(question).is_err() {
            return;
        }
    }
}

fn question(line: &[u8]) -> Result<Question, Line> {
    let refused = |id, why: String| Line::Refused { id, why: why.chars().take(SHOWN_CHARS_MAX).collect() };
    match serde_json::from_slice::<Question>(line) {
        Ok(question) if question.v == VERSION => Ok(question),
        Ok(question) => Err(refused(
            Some(question.id),
            format!("version {} is not spoken here, {VERSION} is", question.v),
        )),
        Err(error) => {
            let id = serde_json::from_slice::<serde_json::Value>(line)
                .ok()
                .and_then(|value| value.get("id")?.as_u64());
            Err(refused(id, error.to_string()))
        }
    }
}

/// A line beyond the limit.
#[derive(Debug, PartialEq, Eq)]
struct TooLong;

/// Reads a line of at most [`LINE_BYTES_MAX`] and skips the rest of a longer one. `None`: there are no more.
fn line(input: &mut impl BufRead) -> io::Result<Option<Result<Vec<u8>, TooLong>>> {
    let mut line = Vec::new();
    input.by_ref().take(LINE_BYTES_MAX as u64 + 1).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Ok(None);
    }
    if line.ends_with(b"\n") || line.len() <= LINE_BYTES_MAX {
        return Ok(Some(Ok(line)));
    }
    loop {
        let buffer = input.fill_buf()?;
        let (skipped, ended) = match buffer.iter().position(|byte| *byte == b'\n') {
            Some(at) => (at + 1, true),
            None => (buffer.len(), buffer.is_empty()),
        };
        input.consume(skipped);
        if ended {
            return Ok(Some(Err(TooLong)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(input: Vec<u8>) -> Vec<Line> {
        let mut output = Vec::new();
        serve(io::Cursor::new(input), &mut output).unwrap();
        String::from_utf8(output).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn what_is_no_question_is_refused_and_the_next_one_is_answered() {
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let question = format!(
            "{{\"v\":1,\"id\":9,\"spec\":{{\"target\":\"{closed}\",\"ask\":{{\"kind\":\"tcp\"}}}}}}\n"
        );
        let mut input = b"\n{}\n[[[[[[\n\xff\xfe\x00\n{\"v\":2,\"id\":5,\"spec\":{\"target\":\"127.0.0.1:1\",\"ask\":{\"kind\":\"tcp\"}}}\n".to_vec();
        input.extend(
            b"{\"v\":1,\"id\":6,\"spec\":{\"target\":\"127.0.0.1:1\",\"ask\":{\"kind\":\"shell\"}}}\n",
        );
        input.extend(vec![b'{'; LINE_BYTES_MAX + 10]);
        input.push(b'\n');
        input.extend(vec![b'['; 100_000]);
        input.push(b'\n');
        input.extend(question.as_bytes());
        input.extend(b"{\"v\":1,\"id\":7");
        let said = said(input);
        assert!(matches!(&said[0], Line::Hello { v: VERSION, .. }));
        let refused: Vec<Option<u64>> = said
            .iter()
            .filter_map(|line| match line {
                Line::Refused { id, .. } => Some(*id),
                _ => None,
            })
            .collect();
        assert_eq!(refused.len(), 9, "{said:?}");
        assert!(refused.contains(&Some(5)) && refused.contains(&Some(6)));
        let answered = said.iter().any(|line| {
            matches!(line, Line::Answer { id: 9, report } if serde_json::to_string(report).unwrap().contains("\"refused\""))
        });
        assert!(answered, "{said:?}");
    }
}
