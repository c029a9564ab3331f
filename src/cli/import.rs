//! `kap-fhir import`: moves a practice's records in, from NDJSON files and Bundles.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use futures_util::stream::{self, StreamExt as _};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::database::{Database, bad};
use crate::app::App;
use crate::error::{Error, Kind, Result};
use crate::interaction::directory;
use crate::interaction::import::{Import, Outcome, ROUNDS, round};
use crate::kap::Id;

/// Resources on their way at once: their writes share a commit.
const AT_ONCE: usize = 32;
/// How often the rest is tried again for what had to wait for another resource.
const AGAIN: usize = 5;
const TELL: Duration = Duration::from_secs(2);
/// The exit code where resources were refused: 1 is an import that did not take place, 2 wrong words.
const REFUSED: u8 = 3;

/// Words of the command.
#[derive(Args, Debug)]
pub struct ImportArgs {
    #[command(flatten)]
    database: Database,
    /// Files (`.ndjson`, or `.json` with a Bundle or one resource), and folders of such files.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// The practice whose records these become.
    #[arg(long)]
    organization: String,
    /// A name for the system that they come from; the same name makes the same ids again.
    #[arg(long, default_value = "import")]
    source: String,
    /// Read and report, and store nothing.
    #[arg(long)]
    dry_run: bool,
    /// Where to write what was refused: one JSON object a line.
    #[arg(long)]
    report: Option<PathBuf>,
}

/// A resource in a file.
struct Found {
    file: PathBuf,
    /// Line or entry, from 1.
    place: usize,
    url: Option<String>,
    text: String,
}

/// How many resources of a type were stored, there, refused.
type Counts = BTreeMap<String, [usize; 3]>;

/// Imports; the exit code tells whether all was taken.
///
/// # Errors
/// Where a word is wrong, a file cannot be read, or the database cannot be used. Resources that are refused are reported and
/// are no error: the others are stored.
pub async fn run(args: ImportArgs) -> Result<ExitCode> {
    let organization = Id::new(args.organization.clone());
    let organization = organization.ok_or_else(|| bad("organization", &args.organization))?;
    let app = args.database.open().await?;
    let done = import(&app, &args, organization).await;
    app.store.close().await;
    let refused = done?;
    if refused == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("kap-fhir: {refused} resources were refused");
    if args.report.is_none() {
        eprintln!("kap-fhir: --report FILE tells which, and why");
    }
    Ok(ExitCode::from(REFUSED))
}

/// Imports, and counts what was refused.
async fn import(app: &App, args: &ImportArgs, organization: Id) -> Result<usize> {
    if !directory::has(app, &organization).await? {
        let text =
            "There is no such organization: add the practice first (`kap-fhir organization add`).";
        return Err(Error::new(Kind::Invalid, text));
    }
    let files = files(&args.paths)?;
    let mut import = Import::new(app, organization, &args.source)?;
    let mut rounds = [0; ROUNDS];
    let mut counts = Counts::new();
    let mut report = Report::to(args.report.as_deref())?;
    for found in all(&files) {
        let found = found?;
        match import.learn(&found.text, found.url.as_deref()) {
            Ok(kind) => rounds[round(&kind)] += 1,
            Err(error) => report.refused(&mut counts, "?", &found, &error)?,
        }
    }
    let mut progress = Progress::of(rounds.iter().sum());
    for (number, waiting) in rounds.iter().enumerate() {
        if *waiting > 0 {
            store(
                &import,
                args,
                (&files, number),
                &mut counts,
                &mut report,
                &mut progress,
            )
            .await?;
        }
    }
    report.end(&counts, args.dry_run)
}

/// Stores one round of types; what refers to a resource of the same round is tried again after it.
async fn store(
    import: &Import<'_>,
    args: &ImportArgs,
    (files, number): (&[PathBuf], usize),
    counts: &mut Counts,
    report: &mut Report,
    progress: &mut Progress,
) -> Result<()> {
    let mut last = usize::MAX;
    for again in 0..AGAIN {
        let mut refused = Vec::new();
        let own = |found: &Result<Found>| {
            found
                .as_ref()
                .is_ok_and(|f| kind(&f.text).is_some_and(|kind| round(&kind) == number))
        };
        let each = all(files).filter(own).map(|found| async {
            let found = found?;
            let outcome = import
                .take(&found.text, found.url.as_deref(), args.dry_run)
                .await;
            Ok::<_, Error>((found, outcome))
        });
        let mut done = stream::iter(each).buffer_unordered(AT_ONCE);
        while let Some(one) = done.next().await {
            let (found, outcome) = one?;
            let kind = kind(&found.text).unwrap_or_default();
            let of = counts.entry(kind).or_default();
            match outcome {
                Outcome::New => of[0] += 1,
                // What the round before stored is not told as known.
                Outcome::Known if again == 0 => of[1] += 1,
                Outcome::Known => {}
                Outcome::Refused(error) => refused.push((found, error)),
            }
            if again == 0 {
                progress.step();
            }
        }
        let stuck = refused.is_empty() || refused.len() >= last || again + 1 == AGAIN;
        if args.dry_run || stuck {
            for (found, error) in &refused {
                let kind = kind(&found.text).unwrap_or_default();
                report.refused(counts, &kind, found, error)?;
            }
            return Ok(());
        }
        last = refused.len();
    }
    Ok(())
}

fn kind(text: &str) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Head {
        resource_type: String,
    }
    let head: Head = serde_json::from_str(text).ok()?;
    Some(head.resource_type)
}

fn unreadable(path: &Path, cause: std::io::Error) -> Error {
    let text = format!("{} cannot be read.", path.display());
    Error::new(Kind::Invalid, text).because(cause)
}

/// The files that the paths name, in order.
fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut out = Vec::new();
    for path in paths {
        if !path.is_dir() {
            out.push(path.clone());
            continue;
        }
        let inside = std::fs::read_dir(path).map_err(|e| unreadable(path, e))?;
        let inside = inside.flatten().map(|entry| entry.path());
        let fits = |p: &PathBuf| p.extension().is_some_and(|e| e == "ndjson" || e == "json");
        let mut inside: Vec<PathBuf> = inside.filter(fits).collect();
        inside.sort();
        out.extend(inside);
    }
    Ok(out)
}

/// Every resource of the files, read as it is needed.
fn all(files: &[PathBuf]) -> impl Iterator<Item = Result<Found>> {
    files.iter().flat_map(|file| match of_file(file) {
        Ok(found) => found,
        Err(error) => Box::new(std::iter::once(Err(error))),
    })
}

type Each = Box<dyn Iterator<Item = Result<Found>>>;

fn of_file(path: &Path) -> Result<Each> {
    let file = path.to_owned();
    if path.extension().is_some_and(|e| e == "ndjson") {
        let reader = BufReader::new(File::open(path).map_err(|e| unreadable(path, e))?);
        let lines = reader.lines().enumerate().map(move |(n, line)| {
            let found = |text| Found {
                file: file.clone(),
                place: n + 1,
                url: None,
                text,
            };
            line.map(found).map_err(|e| unreadable(&file, e))
        });
        let filled =
            |found: &Result<Found>| !found.as_ref().is_ok_and(|f| f.text.trim().is_empty());
        return Ok(Box::new(lines.filter(filled)));
    }
    let text = std::fs::read_to_string(path).map_err(|e| unreadable(path, e))?;
    let entries = entries(&text).unwrap_or_else(|| vec![(None, text)]);
    let each = entries
        .into_iter()
        .enumerate()
        .map(move |(n, (url, text))| {
            Ok(Found {
                file: file.clone(),
                place: n + 1,
                url,
                text,
            })
        });
    Ok(Box::new(each))
}

/// The entries of a Bundle: address and resource; `None` where it is none.
fn entries(text: &str) -> Option<Vec<(Option<String>, String)>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Bundle<'t> {
        resource_type: String,
        #[serde(borrow, default)]
        entry: Vec<Entry<'t>>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Entry<'t> {
        full_url: Option<String>,
        #[serde(borrow)]
        resource: Option<&'t RawValue>,
    }
    let bundle: Bundle<'_> = serde_json::from_str(text).ok()?;
    if bundle.resource_type != "Bundle" {
        return None;
    }
    let each = bundle.entry.into_iter();
    Some(
        each.filter_map(|e| Some((e.full_url, e.resource?.get().to_owned())))
            .collect(),
    )
}

/// What the operator sees while it goes on.
struct Progress {
    all: usize,
    done: usize,
    told: Instant,
}

impl Progress {
    fn of(all: usize) -> Self {
        Self {
            all,
            done: 0,
            told: Instant::now(),
        }
    }

    fn step(&mut self) {
        self.done += 1;
        if self.told.elapsed() >= TELL {
            self.told = Instant::now();
            eprintln!("{} of {} resources", self.done, self.all);
        }
    }
}

/// What was refused.
struct Report(Option<File>);

impl Report {
    fn to(path: Option<&Path>) -> Result<Self> {
        let make = |path: &Path| File::create(path).map_err(|e| unreadable(path, e));
        path.map(make).transpose().map(Self)
    }

    fn refused(
        &mut self,
        counts: &mut Counts,
        kind: &str,
        found: &Found,
        error: &Error,
    ) -> Result<()> {
        counts.entry(kind.to_owned()).or_default()[2] += 1;
        let Some(file) = &mut self.0 else {
            return Ok(());
        };
        for issue in &error.issues {
            let line = json!({
                "file": found.file.display().to_string(),
                "place": found.place,
                "type": kind,
                "code": issue.code.unwrap_or(error.kind.wire().1),
                "expression": issue.at,
                "text": issue.text,
            });
            writeln!(file, "{line}").map_err(Error::internal)?;
        }
        Ok(())
    }

    /// Sums up, and counts what was refused.
    fn end(mut self, counts: &Counts, dry: bool) -> Result<usize> {
        if let Some(file) = &mut self.0 {
            file.flush().map_err(Error::internal)?;
        }
        let word = if dry { "readable" } else { "stored" };
        println!(
            "{:<28}{word:>10}{:>14}{:>10}",
            "type", "known already", "refused"
        );
        for (kind, [new, known, refused]) in counts {
            println!("{kind:<28}{new:>10}{known:>14}{refused:>10}");
        }
        Ok(counts.values().map(|[_, _, refused]| refused).sum())
    }
}
