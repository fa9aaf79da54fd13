//! Commands that need the store: asked of the engine here, or of a running one through its socket.

use serde::{Deserialize, Serialize};
use tidings_domain::ids::{CitizenId, OccurrenceId, TaskId};
use tidings_domain::message::{Queue, Task};
use tidings_domain::store::StoreError;
use tidings_domain::time::Timestamp;
use tidings_domain::value::Pii;
use tidings_pipeline::engine::Engine;
use tidings_pipeline::files::Files;
use tidings_pipeline::past::LookBack;
use tidings_pipeline::queue::Filter;

use crate::config::Config;
use crate::out::Usage;
use crate::{app, clock, control};

/// A citizen as a command names one.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Who {
    /// By id, as it stands in logs and messages.
    Id(String),
    /// By national number, read from standard input so that it stays out of histories and process lists.
    Number(Pii<String>),
}

/// What a command asks of the engine.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Request {
    Explain { who: Who, occurrence: Option<String>, back: LookBack },
    List { queue: Option<String>, rule: Option<String>, citizen: Option<String>, limit: usize },
    Show { task: String },
    Retry { task: String },
    Cancel { task: String },
    HoldTask { task: String },
    HoldRule { rule: String },
    ReleaseTask { task: String },
    ReleaseRule { rule: String },
    Forget { who: Who },
    Load(super::load::LoadRequest),
    Files,
}

/// What comes back: a value to print, made for programs and people alike.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Reply {
    Explanation(serde_json::Value),
    Tasks(Vec<TaskLine>),
    Done(String),
    Forgotten { known: bool, rows: u64 },
    Loaded(super::load::LoadReport),
    Files(Files),
}

/// A task as it is listed.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct TaskLine {
    pub(crate) id: String,
    pub(crate) queue: String,
    pub(crate) due: String,
    pub(crate) citizen: String,
    pub(crate) work: String,
    pub(crate) rules: Vec<String>,
    pub(crate) attempts: u32,
    pub(crate) note: Option<String>,
}

impl From<Task> for TaskLine {
    fn from(task: Task) -> Self {
        Self {
            id: task.id.to_string(),
            queue: task.queue.name().to_owned(),
            due: task.due.to_string(),
            citizen: task.citizen.to_string(),
            work: format!("{:?}", task.work),
            rules: task.rules,
            attempts: task.attempts,
            note: task.note,
        }
    }
}

/// Asks the engine: opened here, or running elsewhere.
pub(crate) fn ask(config: &Config, request: Request) -> anyhow::Result<Reply> {
    match app::open(config, clock::wall()) {
        Ok((engine, _)) => answer(&engine, request, clock::wall()),
        Err(error) if matches!(error.downcast_ref(), Some(StoreError::InUse)) => {
            control::ask(&config.socket, &request)
        }
        Err(error) => Err(error),
    }
}

/// Answers a request.
pub(crate) fn answer(engine: &Engine, request: Request, now: Timestamp) -> anyhow::Result<Reply> {
    Ok(match request {
        Request::Explain { who, occurrence, back } => {
            let occurrence = occurrence.map(|id| occurrence_id(&id)).transpose()?;
            Reply::Explanation(serde_json::to_value(engine.explain_past(
                citizen(engine, &who)?,
                occurrence,
                back,
                now,
            )?)?)
        }
        Request::List { queue, rule, citizen, limit } => {
            let filter = Filter {
                queue: queue.map(|name| queue_of(&name)).transpose()?,
                rule,
                citizen: citizen.map(|id| citizen_id(&id)).transpose()?,
            };
            Reply::Tasks(engine.tasks(&filter, limit)?.into_iter().map(TaskLine::from).collect())
        }
        Request::Show { task } => Reply::Tasks(vec![engine.task(task_id(&task)?)?.into()]),
        Request::Retry { task } => {
            engine.retry(task_id(&task)?, now)?;
            Reply::Done(format!("{task} will be tried again now"))
        }
        Request::Cancel { task } => {
            engine.cancel(task_id(&task)?)?;
            Reply::Done(format!("{task} is cancelled"))
        }
        Request::HoldTask { task } => {
            engine.hold_task(task_id(&task)?, "held by an operator")?;
            Reply::Done(format!("{task} is held"))
        }
        Request::HoldRule { rule } => {
            engine.hold_rule(&rule, now)?;
            Reply::Done(format!("everything of rule {rule} is held"))
        }
        Request::ReleaseTask { task } => {
            engine.release_task(task_id(&task)?)?;
            Reply::Done(format!("{task} is released"))
        }
        Request::ReleaseRule { rule } => {
            engine.release_rule(&rule)?;
            Reply::Done(format!("rule {rule} is released; what waited is planned within a day"))
        }
        Request::Forget { who } => {
            let forgotten = engine.forget(citizen(engine, &who)?)?;
            Reply::Forgotten { known: forgotten.known, rows: forgotten.rows }
        }
        Request::Files => Reply::Files(engine.files()?),
        Request::Load(request) => Reply::Loaded(super::load::load(engine, &request, &mut |_, _| ())?),
    })
}

fn citizen(engine: &Engine, who: &Who) -> anyhow::Result<CitizenId> {
    match who {
        Who::Id(id) => citizen_id(id),
        Who::Number(number) => Ok(engine.people.citizen(number.reveal())),
    }
}

fn citizen_id(text: &str) -> anyhow::Result<CitizenId> {
    CitizenId::parse(text).ok_or_else(|| {
        let help = "a citizen's id has 32 hexadecimal digits; give `-` to read a national number from stdin";
        Usage(help.to_owned()).into()
    })
}

fn occurrence_id(text: &str) -> anyhow::Result<OccurrenceId> {
    let help = || Usage("a decision's key is CITIZEN-OCCURRENCE, 32 hexadecimal digits each".to_owned());
    Ok(OccurrenceId::parse(text).ok_or_else(help)?)
}

fn task_id(text: &str) -> anyhow::Result<TaskId> {
    let help = || Usage("a task's id has 32 hexadecimal digits; see `tidings queue list`".to_owned());
    Ok(TaskId::parse(text).ok_or_else(help)?)
}

fn queue_of(name: &str) -> anyhow::Result<Queue> {
    let known = || {
        let names: Vec<_> = Queue::ALL.iter().map(|queue| queue.name()).collect();
        Usage(format!("there is no queue {name}; there are {}", names.join(", ")))
    };
    Ok(Queue::ALL.into_iter().find(|queue| queue.name() == name).ok_or_else(known)?)
}
