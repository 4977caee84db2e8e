//! `route`: where does this request go, and why.

mod near;
mod outcomes;
mod read;
pub(super) mod show;
pub(super) mod stream;

use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};

use anyhow::{Context as _, anyhow};
use evenkeel_model::{Config, NearMiss, Request, Route, Router, StreamRouter, World};
use evenkeel_syntax::secret::redact_str;
use serde_json::Value;

use crate::args::{self, Global};
use crate::output::{Exit, Output, complain};
use crate::served::{Image, Served};
use crate::settings::Settings;
use crate::tree::Tree;
use read::{Asked, Unread};

/// The longest line that `--batch` reads.
const LINE_BYTES_MAX: usize = 1 << 20;
/// What is written at once, when lines come faster than that.
const BUFFER_BYTES: usize = 1 << 16;

pub(crate) fn route(args: &args::Route, global: &Global, output: Output) -> anyhow::Result<Exit> {
    let connection = stream::asked(args)?;
    let request = args.request.as_deref().filter(|_| connection.is_none());
    let request = request.map(|text| asked(text, args)).transpose()?;
    let world = assumed(args)?;
    let settings = Settings::load(global)?;
    let tree = Tree::read(&args.tree, args.prefix.as_deref(), args.nginx_version.as_deref(), &settings)?;
    if let Some(problem) = tree.config.problems().first() {
        let file = &tree.config.file(problem.file).display;
        complain(&format!(
            "evenkeel: nginx would refuse this tree ({file}:{}: {}); what follows takes it as far as it goes. \
             `evenkeel check` tells more.\n",
            problem.line,
            redact_str(&problem.message)
        ));
    }
    if let Some(connection) = connection {
        return Ok(stream::print(&tree.config, &connection, output));
    }
    let router = Router::new(&tree.config);
    let router = match &args.docroot {
        Some(directory) => router.with_files(Image::at(directory)?),
        None => router.with_files(Served::new(&tree)),
    };
    let Some(request) = request else {
        return batch(&tree.config, &router, &world, io::stdin(), io::stdout().lock());
    };
    let told = Told {
        route: router.route_in(&request, &world),
        outcomes: router.outcomes(&request, &world),
        near: router.near_misses(&request, &world, args.near),
    };
    output.print(|| told.text(&tree.config, &request), || told.document(&tree.config, &request));
    Ok(Exit::Yes)
}

/// What is told of one request.
struct Told {
    route: Route,
    outcomes: evenkeel_model::Tree,
    near: Vec<NearMiss>,
}

impl Told {
    fn text(&self, config: &Config, request: &Request) -> String {
        let mut text = show::text(config, request, &self.route);
        text.push_str(&redact_str(&outcomes::text(&self.outcomes)));
        text.push_str(&redact_str(&near::text(config, &self.near)));
        text
    }

    fn document(&self, config: &Config, request: &Request) -> Value {
        let mut document = show::document(config, request, &self.route);
        if let Some(document) = document.as_object_mut() {
            document.insert("tree".to_owned(), outcomes::document(config, &self.outcomes));
            document.insert("near_misses".to_owned(), near::document(config, &self.near));
        }
        document
    }
}

/// What `--assume` says.
fn assumed(args: &args::Route) -> anyhow::Result<World> {
    let mut world = World::default();
    for text in &args.assume {
        world.assume(text).with_context(|| format!("assume \"{}\"", text.escape_debug()))?;
    }
    Ok(world)
}

/// The request of the command line.
fn asked(text: &str, args: &args::Route) -> anyhow::Result<Request> {
    let mut request =
        Request::parse(text).with_context(|| format!("read the request \"{}\"", text.escape_debug()))?;
    for header in &args.header {
        let (name, value) = read::header(header).map_err(|unread| anyhow!(unread.0))?;
        if name.eq_ignore_ascii_case(b"host") {
            request.headers.retain(|(name, _)| !name.eq_ignore_ascii_case(b"host"));
        }
        request.headers.push((name, value));
    }
    if let Some(name) = &args.sni {
        request.sni = Some(name.clone().into_bytes());
    }
    request.client = args.client;
    request.listen =
        args.listen.as_deref().map(read::listen).transpose().map_err(|unread| anyhow!(unread.0))?;
    Ok(request)
}

/// Answers line by line, in order. What was answered is written before the next line is waited for.
fn batch(
    config: &Config,
    router: &Router<'_>,
    world: &World,
    from: impl Read,
    to: impl Write,
) -> anyhow::Result<Exit> {
    let mut from = BufReader::with_capacity(BUFFER_BYTES, from);
    let mut to = BufWriter::with_capacity(BUFFER_BYTES, to);
    let (mut line, mut all_read) = (Vec::new(), true);
    let streams = StreamRouter::new(config);
    for number in 1_u64.. {
        // A reader that went away is no error of ours.
        if !from.buffer().contains(&b'\n') && to.flush().is_err() {
            break;
        }
        let request = match next_line(&mut from, &mut line).context("read standard input")? {
            Line::End => break,
            Line::TooLong => Err(Unread(format!("read the line: it is longer than {LINE_BYTES_MAX} bytes"))),
            Line::Whole => read::line(&line),
        };
        let document = match request {
            Ok(Asked::Connection(connection)) => {
                stream::document(config, &connection, &streams.route(&connection))
            }
            Ok(Asked::Request(request)) => {
                show::document(config, &request, &router.route_in(&request, world))
            }
            Err(Unread(why)) => {
                all_read = false;
                show::unread(number, &why)
            }
        };
        if writeln!(to, "{document}").is_err() {
            break;
        }
    }
    let _ = to.flush();
    Ok(all_read.into())
}

/// What the next line is.
enum Line {
    Whole,
    TooLong,
    End,
}

/// Reads a line into `line`, without its end. One that is too long is passed over, and never held.
fn next_line(from: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Line> {
    line.clear();
    let limit = LINE_BYTES_MAX as u64 + 1;
    if from.take(limit).read_until(b'\n', line)? == 0 {
        return Ok(Line::End);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
        return Ok(Line::Whole);
    }
    if line.len() <= LINE_BYTES_MAX {
        return Ok(Line::Whole);
    }
    line.clear();
    from.skip_until(b'\n')?;
    Ok(Line::TooLong)
}
