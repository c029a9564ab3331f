//! The audit's journal beside the database: rows that are on their way into it.
//!
//! A row that is about no change is recorded once its line stands in the journal: one system call, on the caller's thread.
//! The writer takes the lines along with the next change, or a moment later. What a program that was killed left there is
//! taken in by the next one that opens the database.
//!
//! A process has a pair of files, `<database>-audit-<n>a` and `b`, by a lock on the first; it writes into one while the lines of the
//! other are on their way. A line is a JSON array of the columns.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::lock;
use crate::error::{Error, Result};
use crate::store::audit::Line;
use crate::store::driver::unavailable;
use crate::store::sql::Value;

/// Processes that may have one database open at once.
const PAIRS: usize = 64;
/// Rows that may wait for the database.
const MOST: usize = 1 << 16;

/// The journal of this process.
#[derive(Debug)]
pub(super) struct Spool {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    waiting: Vec<Line>,
    pair: Pair,
    /// Which file of the pair is written into.
    current: usize,
    /// The database did not take the rows: nothing more is promised until it has.
    failing: bool,
    /// The journal ends in half a line: nothing can be added to it any more.
    broken: bool,
}

#[derive(Debug)]
struct Pair {
    files: [File; 2],
    lengths: [u64; 2],
}

/// What an append asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Added {
    /// The first row since the writer came by.
    First,
    More,
    /// Not added: the database has to take what waits before.
    Failing,
}

impl Spool {
    /// The journal of this process for the database at `path`, and the rows that others left in theirs.
    pub fn open(path: &Path) -> Result<(Self, Leftover)> {
        let mut own = None;
        let mut left = Leftover::default();
        for n in 0..PAIRS {
            let Some(mut pair) = Pair::claim(path, n, own.is_none())? else {
                continue;
            };
            left.read(&mut pair)?;
            if own.is_none() {
                own = Some(pair);
            } else {
                left.pairs.push(pair);
            }
        }
        let pair = own.ok_or_else(|| {
            let text = format!("{PAIRS} processes have this database open.");
            Error::new(crate::error::Kind::Unavailable, text)
        })?;
        let state = State {
            waiting: vec![],
            pair,
            current: 0,
            failing: false,
            broken: false,
        };
        let state = Mutex::new(state);
        Ok((Self { state }, left))
    }

    /// Empties the journals whose rows the database has.
    pub fn taken_in(&self, left: &mut Leftover) -> Result<()> {
        lock(&self.state).pair.clear([true, true])?;
        left.pairs
            .iter_mut()
            .try_for_each(|pair| pair.clear([true, true]))
    }

    /// Records rows; `lines` is empty then.
    pub fn add(&self, lines: &mut Vec<Line>) -> Result<Added> {
        let mut state = lock(&self.state);
        if state.failing {
            return Ok(Added::Failing);
        }
        if state.broken || state.waiting.len() + lines.len() > MOST {
            return Err(unavailable("the journal of the audit takes no more"));
        }
        let mut text = Vec::with_capacity(512 * lines.len());
        for line in &*lines {
            print(line, &mut text);
        }
        let n = state.current;
        let before = state.pair.lengths[n];
        if let Err(cause) = state.pair.files[n].write_all(&text) {
            state.broken = state.pair.files[n].set_len(before).is_err();
            return Err(unavailable(cause));
        }
        state.pair.lengths[n] = before + text.len() as u64;
        let first = state.waiting.is_empty();
        state.waiting.append(lines);
        Ok(if first { Added::First } else { Added::More })
    }

    /// Whether any row waits.
    pub fn is_empty(&self) -> bool {
        lock(&self.state).waiting.is_empty()
    }

    /// The rows that wait. What is added from now on goes into the other file, where that is empty.
    pub fn take(&self) -> Vec<Line> {
        let mut state = lock(&self.state);
        if !state.waiting.is_empty() && state.pair.lengths[1 - state.current] == 0 {
            state.current = 1 - state.current;
        }
        std::mem::take(&mut state.waiting)
    }

    /// The database has all that was taken.
    pub fn done(&self) {
        let mut state = lock(&self.state);
        state.failing = false;
        let mut over = [true, true];
        over[state.current] = state.waiting.is_empty();
        if let Err(cause) = state.pair.clear(over) {
            // The rows are in the database; once more they are known by their ids.
            tracing::error!(%cause, "the journal of the audit cannot be emptied");
        }
    }

    /// The database has not got what was taken.
    pub fn put_back(&self, mut lines: Vec<Line>) {
        let mut state = lock(&self.state);
        lines.append(&mut state.waiting);
        state.waiting = lines;
        state.failing = true;
    }
}

/// The rows that programs left behind which are no more, and their journals.
#[derive(Debug, Default)]
pub(super) struct Leftover {
    pub lines: Vec<Line>,
    pairs: Vec<Pair>,
}

impl Leftover {
    fn read(&mut self, pair: &mut Pair) -> Result<()> {
        let mut unreadable = 0;
        for file in &mut pair.files {
            let mut text = Vec::new();
            file.seek(SeekFrom::Start(0)).map_err(unavailable)?;
            file.read_to_end(&mut text).map_err(unavailable)?;
            // What has no end was never promised to anybody.
            let whole = text.iter().rposition(|b| *b == b'\n').map_or(0, |n| n + 1);
            for line in text[..whole]
                .split(|b| *b == b'\n')
                .filter(|l| !l.is_empty())
            {
                match parse(line) {
                    Some(line) => self.lines.push(line),
                    None => unreadable += 1,
                }
            }
        }
        if unreadable > 0 {
            tracing::error!(
                unreadable,
                "lines of the audit's journal cannot be read, as a power cut leaves them"
            );
        }
        Ok(())
    }
}

impl Pair {
    /// Pair number `n`, where no other process has it; it is made where it is missing and wanted.
    fn claim(database: &Path, n: usize, wanted: bool) -> Result<Option<Self>> {
        let name = |which: &str| {
            let mut name = database.as_os_str().to_owned();
            name.push(format!("-audit-{n}{which}"));
            PathBuf::from(name)
        };
        if !wanted && !name("a").exists() {
            return Ok(None);
        }
        let open = |path: PathBuf| {
            let mut options = OpenOptions::new();
            options.read(true).append(true).create(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            options.open(path).map_err(unavailable)
        };
        let first = open(name("a"))?;
        if first.try_lock().is_err() {
            return Ok(None);
        }
        let files = [first, open(name("b"))?];
        let mut lengths = [0; 2];
        for (length, file) in lengths.iter_mut().zip(&files) {
            *length = file.metadata().map_err(unavailable)?.len();
        }
        Ok(Some(Self { files, lengths }))
    }

    /// Empties those files that are `over`.
    fn clear(&mut self, over: [bool; 2]) -> Result<()> {
        for ((file, length), over) in self.files.iter().zip(&mut self.lengths).zip(over) {
            if over && *length > 0 {
                file.set_len(0).map_err(unavailable)?;
                *length = 0;
            }
        }
        Ok(())
    }
}

fn print(line: &Line, text: &mut Vec<u8>) {
    for (n, value) in line.iter().enumerate() {
        text.push(if n == 0 { b'[' } else { b',' });
        // Writing to a vector cannot fail.
        let _ = match value {
            Value::Null => text.write_all(b"null"),
            Value::Int(n) => write!(text, "{n}"),
            Value::Text(words) => serde_json::to_writer(&mut *text, &**words).map_err(Into::into),
        };
    }
    text.extend_from_slice(b"]\n");
}

fn parse(line: &[u8]) -> Option<Line> {
    let cells: Vec<serde_json::Value> = serde_json::from_slice(line).ok()?;
    let value = |cell: serde_json::Value| match cell {
        serde_json::Value::Null => Some(Value::Null),
        serde_json::Value::Number(n) => n.as_i64().map(Value::Int),
        serde_json::Value::String(words) => Some(Value::Text(words.into())),
        _ => None,
    };
    let values: Option<Vec<Value>> = cells.into_iter().map(value).collect();
    values?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(n: i64) -> Line {
        let mut line: Line = std::array::from_fn(|_| Value::Null);
        line[0] = Value::Text("default".into());
        line[1] = Value::Text(format!("row \"{n}\"\n\u{1f600}").into());
        line[2] = Value::Int(-n);
        line
    }

    fn database(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("kap-spool-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("folder");
        folder.join("kap.db")
    }

    #[test]
    fn what_was_recorded_is_found_again() {
        let path = database("again");
        let (spool, left) = Spool::open(&path).expect("journal");
        assert!(left.lines.is_empty());
        assert_eq!(spool.add(&mut vec![line(1)]).expect("added"), Added::First);
        assert_eq!(
            spool.add(&mut vec![line(2), line(3)]).expect("added"),
            Added::More
        );
        assert_eq!(spool.take(), [line(1), line(2), line(3)]);
        assert_eq!(spool.add(&mut vec![line(4)]).expect("added"), Added::First);
        // Killed before the database had any of it: both files tell.
        drop(spool);
        let (spool, mut left) = Spool::open(&path).expect("journal");
        let mut all = left.lines.clone();
        all.sort_by_key(|l| match l[2] {
            Value::Int(n) => -n,
            _ => 0,
        });
        assert_eq!(all, [line(1), line(2), line(3), line(4)]);
        spool.taken_in(&mut left).expect("emptied");
        drop(spool);
        assert!(Spool::open(&path).expect("journal").1.lines.is_empty());
    }

    #[test]
    fn what_the_database_has_is_forgotten_and_what_it_has_not_is_kept() {
        let path = database("kept");
        let (spool, _) = Spool::open(&path).expect("journal");
        spool.add(&mut vec![line(1)]).expect("added");
        let taken = spool.take();
        spool.add(&mut vec![line(2)]).expect("added");
        spool.done();
        spool.put_back(vec![]);
        assert_eq!(taken, [line(1)]);
        assert_eq!(
            spool.add(&mut vec![line(3)]).expect("asked"),
            Added::Failing
        );
        let again = spool.take();
        assert_eq!(again, [line(2)]);
        spool.put_back(again);
        drop(spool);
        let left = Spool::open(&path).expect("journal").1;
        assert_eq!(left.lines, [line(2)]);
    }

    #[test]
    fn processes_have_journals_of_their_own_and_half_a_line_is_none() {
        let path = database("several");
        let (first, _) = Spool::open(&path).expect("journal");
        let (second, _) = Spool::open(&path).expect("journal");
        first.add(&mut vec![line(1)]).expect("added");
        second.add(&mut vec![line(2)]).expect("added");
        drop(second);
        let mut torn = OpenOptions::new();
        let name = format!("{}-audit-1a", path.display());
        let mut torn = torn.append(true).open(name).expect("file");
        torn.write_all(b"[\"default\",\"ro").expect("written");
        // The first is alive: its rows are its own to bring.
        let (_third, left) = Spool::open(&path).expect("journal");
        assert_eq!(left.lines, [line(2)]);
    }
}
