//! One nginx, rehearsed: the way from the live tree, a fresh start, the questions, and upstreams that are down.

use std::cell::OnceCell;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, Instant};

use evenkeel_model::{Config, ListenAddress, Request, Route, ServerKind, witnesses};

use crate::asker::Asker;
use crate::compare::Heard;
use crate::corpus::{Item, corpus};
use crate::finding::{Finding, Severity};
use crate::inventory::{Around, Names, conflicts};
use crate::machine::Machine;
use crate::refusal::taken_address;
use crate::rehearse::{Question, RehearsalError, Settings, Tree};
use crate::report::{Origin, Run, Step};
use crate::sandbox::{Signal, Started};
use crate::scenario::{self, Felt, UPSTREAMS_MAX};
use crate::setup::Setup;
use crate::stage::Stage;
use crate::story::{Ending, from_terminal};
use crate::stub::Stubs;
use crate::watch::{Logs, Nginx, millis};
use crate::words::Words;
use crate::world::World;

mod load;
mod replay;
mod tell;

pub(crate) use replay::replay;

/// How long the witnesses of one tree may be asked.
const WITNESSES_WITHIN: Duration = Duration::from_secs(6);
/// How long the routes of `routes.toml` may be asked, which come first.
const ROUTES_WITHIN: Duration = Duration::from_secs(60);

/// A tree with everything around it.
pub(crate) struct Side<'a> {
    pub(crate) tree: &'a Tree<'a>,
    pub(crate) around: Around,
    pub(crate) asker: Asker<'a>,
}

/// What is the same for every nginx.
pub(crate) struct Play<'a> {
    pub(crate) new: Side<'a>,
    pub(crate) live: Option<Side<'a>>,
    pub(crate) questions: &'a [Question],
    /// What is asked, once somebody wants to know: the first answer does not wait for it.
    pub(crate) items: OnceCell<(Vec<Item<'a>>, usize)>,
    pub(crate) machine: &'a Machine,
    pub(crate) names: &'a Names,
    pub(crate) settings: &'a Settings,
}

impl<'a> Play<'a> {
    /// What is asked.
    fn items(&self) -> &[Item<'a>] {
        &self.corpus().0
    }

    /// What is asked, and how many witnesses are too many.
    fn corpus(&self) -> &(Vec<Item<'a>>, usize) {
        self.items.get_or_init(|| {
            let sides = [Some(&self.new), self.live.as_ref()];
            let configs = sides.into_iter().flatten().map(|side| side.tree.config);
            let witnessed: Vec<_> = configs.map(|config| (config, witnesses(config))).collect();
            corpus(self.questions, &self.settings.changes, &witnessed)
        })
    }
}

/// What came of one nginx.
#[derive(Debug, Default)]
pub(crate) struct Ran {
    pub(crate) run: Run,
    pub(crate) findings: Vec<Finding>,
    pub(crate) mode: String,
    pub(crate) differences: Vec<String>,
    pub(crate) first_answer_ms: Option<u64>,
}

/// What one tree answered.
#[derive(Default)]
struct Answers {
    heard: Vec<Option<(Route, Heard)>>,
    felt: Vec<Felt>,
}

/// One nginx on its stage.
struct Playing<'p, 'a> {
    play: &'p Play<'a>,
    stage: Stage,
    world: World<'p>,
    nginx: &'p Path,
    args: &'p [String],
    ran: Ran,
}

/// How a start ended.
enum Up {
    Runs(Nginx, Step),
    Failed(Failed),
}

/// A start that came to nothing.
struct Failed {
    step: Step,
    rule: &'static str,
}

/// What a start is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Until {
    /// Somebody answers.
    Answer,
    /// Its workers are there and stay.
    Settled,
}

/// Rehearses with one nginx.
pub(crate) async fn run(
    play: &Play<'_>,
    setup: Setup,
    progress: &mut dyn FnMut(&str),
) -> Result<Ran, RehearsalError> {
    progress("building the sandbox");
    let stubs = Stubs::start(&play.settings.program).map_err(RehearsalError::from_stub)?;
    let configs: Vec<&Config> = play.live.iter().chain([&play.new]).map(|side| side.tree.config).collect();
    let stage = Stage::set(play.settings.how, setup.spec, &configs).await;
    let stage = stage.map_err(RehearsalError::from_sandbox)?;
    let world = World::new(stubs, play.machine, play.names, setup.identity);
    let ran = Ran { mode: stage.mode(), differences: setup.differences, ..Ran::default() };
    let mut playing = Playing { play, stage, world, nginx: &setup.nginx, args: &setup.args, ran };
    playing.ran.differences.extend(playing.stage.differences().to_vec());
    playing.world.open_dns(&playing.stage).await.map_err(RehearsalError::from_stub)?;
    playing.whole(progress).await?;
    if let Some(load) = play.settings.load {
        playing.load(load, progress).await?;
    }
    let Playing { stage, world, mut ran, .. } = playing;
    ran.differences.extend(world.lacks);
    ran.run.nginx = setup.nginx.display().to_string();
    stage.stop().await;
    Ok(ran)
}

impl Playing<'_, '_> {
    async fn whole(&mut self, progress: &mut dyn FnMut(&str)) -> Result<(), RehearsalError> {
        let play = self.play;
        let mut old = None;
        let mut new = None;
        let mut live_said = Vec::new();
        if let Some(live) = &play.live {
            progress("starting the live tree");
            self.fit(live).await?;
            match self.start(live, Until::Answer).await? {
                Up::Runs(mut nginx, _) => {
                    progress("asking the live tree");
                    old = Some(self.answers(live, &nginx).await?);
                    progress("reloading");
                    let ending = self.reload(&mut nginx).await?;
                    let works = matches!(ending.0, Ending::Works(_));
                    self.tell_reload(&nginx, ending);
                    if works {
                        progress("asking the proposed tree");
                        new = Some(self.answers(&play.new, &nginx).await?);
                    } else {
                        self.end_deaf(&nginx, &[live.tree.config, play.new.tree.config]).await;
                    }
                    self.stage.stop_nginx().await;
                }
                Up::Failed(failed) => {
                    let message =
                        format!("the live tree does not start here: {}", failed.step.said.join("; "));
                    let finding = Finding::new("live-does-not-start", Severity::Note, message).old(true);
                    self.ran
                        .findings
                        .push(finding.help("the way from it could not be rehearsed, only a fresh start"));
                    live_said = failed.step.said;
                    self.stage.stop_nginx().await;
                    self.exchange().await?;
                }
            }
        }
        if self.is_held() {
            let said = vec!["not tried: another process holds the port, as the reload showed".to_owned()];
            self.ran.run.start = Some(Step { works: false, said, took_ms: 0 });
            self.tell_answers(old.unwrap_or_default(), new);
            return Ok(());
        }
        progress("starting the proposed tree afresh");
        self.fit(&play.new).await?;
        match self.start(&play.new, Until::Settled).await? {
            Up::Runs(nginx, step) => {
                self.ran.run.start = Some(step);
                if new.is_none() {
                    progress("asking the proposed tree");
                    new = Some(self.answers(&play.new, &nginx).await?);
                }
            }
            Up::Failed(failed) => self.tell_failed(failed, &live_said),
        }
        self.tell_answers(old.unwrap_or_default(), new);
        Ok(())
    }

    /// Whether the reload failed at a port that another process of this machine holds: a start would try for 2.5 s to no
    /// other end.
    fn is_held(&self) -> bool {
        let taken = self.ran.findings.iter().filter(|it| it.rule == "transition-refused");
        let mut taken = taken.filter_map(|it| taken_address(&it.message));
        let held = &self.play.new.around.held;
        let old: Vec<ListenAddress> =
            self.play.live.iter().flat_map(|live| live.tree.config.listens()).collect();
        taken.any(|taken| {
            let wanted = ListenAddress::inet(taken.ip(), taken.port());
            // The live tree may have been in its own way; only a start tells.
            let is_own = old.iter().any(|listen| conflicts(listen, taken));
            !is_own && held.iter().any(|held| conflicts(&wanted, *held))
        })
    }

    async fn fit(&mut self, side: &Side<'_>) -> Result<(), RehearsalError> {
        self.world.fit(&self.stage, &side.around).await.map_err(RehearsalError::from_stub)
    }

    async fn exchange(&mut self) -> Result<(), RehearsalError> {
        self.stage.exchange(1).await.map_err(|error| RehearsalError::broken("exchange the trees", &error))
    }

    /// Starts nginx with a tree, and asks it something at once.
    async fn start(&mut self, side: &Side<'_>, until: Until) -> Result<Up, RehearsalError> {
        let began = Instant::now();
        let config = side.tree.config;
        let mut logs = Logs::default();
        logs.note(&self.stage, config).await;
        let started = self.stage.start_nginx(self.nginx, self.args).await;
        let failed = |said: Vec<String>, rule| {
            let step = Step { works: false, said, took_ms: millis(began.elapsed()) };
            Up::Failed(Failed { step, rule })
        };
        let or = |said: Vec<String>, otherwise: String| if said.is_empty() { vec![otherwise] } else { said };
        let mut nginx = match started {
            Ok(Started::Running { pid, .. }) => Nginx::started(pid, logs),
            Ok(Started::Refused { status, output }) => {
                let otherwise = format!("nginx ended with status {status} and no reason");
                return Ok(failed(or(from_terminal(&output), otherwise), "start-refused"));
            }
            Ok(Started::Hangs { after, output }) => {
                let otherwise = format!("nginx was not up within {} s", after.as_secs());
                return Ok(failed(or(from_terminal(&output), otherwise), "start-hangs"));
            }
            Err(error) => return Err(RehearsalError::from_sandbox(error)),
        };
        let mut answered = None;
        let ending = {
            let settle = nginx.settle(&self.stage, config, Vec::new());
            let knock = async {
                match knock(side) {
                    Some(request) => {
                        let heard = side.asker.ask(&self.stage, &self.world, &request).await;
                        (heard, Instant::now())
                    }
                    None => std::future::pending().await,
                }
            };
            tokio::pin!(settle, knock);
            loop {
                tokio::select! {
                    ending = &mut settle => break Some(ending),
                    heard = &mut knock, if answered.is_none() => {
                        answered = Some(heard);
                        let is_answer = matches!(&answered, Some((Ok(heard), _)) if heard.observed.status.is_some());
                        if until == Until::Answer && is_answer {
                            break None;
                        }
                    }
                }
            }
        };
        if let Some((heard, at)) = answered {
            let heard = heard.map_err(RehearsalError::from_stub)?;
            if heard.observed.status.is_some() {
                let since = at.saturating_duration_since(self.play.settings.began);
                self.ran.first_answer_ms.get_or_insert(millis(since));
            }
        }
        let (said, rule) = match ending {
            None => (vec!["it answers".to_owned()], None),
            Some(Ending::Works(said)) => (said, None),
            Some(Ending::Refused(said)) => (said, Some("start-refused")),
            Some(Ending::Died(said)) => (said, Some("workers-die")),
            Some(Ending::Unproven(said)) => (said, Some("start-unproven")),
        };
        let step = Step { works: rule.is_none(), said, took_ms: millis(began.elapsed()) };
        Ok(match rule {
            None => Up::Runs(nginx, step),
            Some(rule) => {
                self.end_deaf(&nginx, &[config]).await;
                Up::Failed(Failed { step, rule })
            }
        })
    }

    async fn reload(&mut self, nginx: &mut Nginx) -> Result<(Ending, u64), RehearsalError> {
        let play = self.play;
        let config = play.new.tree.config;
        self.fit(&play.new).await?;
        // What the live tree logged while it was asked is no news of the reload.
        let _of_the_live_tree = nginx.new_lines(&self.stage).await;
        nginx.logs.note(&self.stage, config).await;
        let before = nginx.children();
        self.exchange().await?;
        let began = Instant::now();
        if let Err(error) = self.stage.signal(nginx.master, Signal::SIGHUP).await {
            return Ok((Ending::Died(vec![format!("nginx could not be signalled: {error}")]), 0));
        }
        let ending = nginx.settle(&self.stage, config, before).await;
        Ok((ending, millis(began.elapsed())))
    }

    /// Ends a master that failed and may not hear: it tries for 2.5 s to bind (`ngx_open_listening_sockets`,
    /// src/core/ngx_connection.c). The files of its unix sockets stay; after a reboot, below `/run`, none would.
    async fn end_deaf(&self, nginx: &Nginx, configs: &[&Config]) {
        for pid in std::iter::once(nginx.master).chain(nginx.children()) {
            let _gone_already = self.stage.signal(pid, Signal::SIGKILL).await;
        }
        for listen in configs.iter().flat_map(|config| config.listens()) {
            if let ListenAddress::Unix(path) = listen {
                let path = Path::new(OsStr::from_bytes(&path));
                if self.play.new.around.held_files.iter().any(|held| held == path) {
                    continue;
                }
                let _a_start_tells = self.stage.remove_unix(path).await;
            }
        }
    }

    /// Asks everything, then takes the upstreams down.
    async fn answers(&mut self, side: &Side<'_>, nginx: &Nginx) -> Result<Answers, RehearsalError> {
        let mut answers = Answers::default();
        let mut words = Words::listen(&self.stage, side.tree.config).await;
        let began = Instant::now();
        for item in self.play.items() {
            let within = match item.origin {
                Origin::Routes => ROUTES_WITHIN,
                Origin::Change | Origin::Witness => WITNESSES_WITHIN,
            };
            if began.elapsed() > within {
                answers.heard.push(None);
                continue;
            }
            let heard = side.asker.ask(&self.stage, &self.world, &item.request).await;
            let mut heard = heard.map_err(RehearsalError::from_stub)?;
            if heard.failed() {
                heard.said = words.about(nginx, &self.stage, &item.request).await;
            }
            let route = side.asker.predict(&self.stage, &item.request).await;
            answers.heard.push(Some((route, heard)));
        }
        let asked = self.play.items().iter().zip(&answers.heard);
        let asked = asked.filter_map(|(item, heard)| Some((&item.request, &heard.as_ref()?.1)));
        let (units, left_out) = scenario::units(&side.around, asked);
        if left_out > 0 {
            let said = format!("{left_out} upstreams were not taken down: {UPSTREAMS_MAX} are, at most");
            if !self.ran.differences.contains(&said) {
                self.ran.differences.push(said);
            }
        }
        let felt = scenario::play(&self.stage, &mut self.world, &side.around, &side.asker, &units).await;
        answers.felt = felt.map_err(RehearsalError::from_stub)?;
        Ok(answers)
    }
}

/// A request that any http server answers.
fn knock(side: &Side<'_>) -> Option<Request> {
    let servers = side.tree.config.servers().iter().filter(|server| server.kind == ServerKind::Http);
    let mut listens =
        servers.flat_map(|server| &server.listens).filter(|listen| !listen.options.proxy_protocol);
    let (port, tls) = listens.find_map(|listen| match listen.address {
        ListenAddress::Inet { port, .. } => Some((port, listen.options.ssl)),
        _ => None,
    })?;
    let scheme = if tls { "https" } else { "http" };
    Request::parse(&format!("GET {scheme}://rehearsal.invalid:{port}/")).ok()
}
