//! What a run cost: rate, latency, CPU of the server per request, memory.

use std::collections::HashMap;

use kap_fhir::error::{Error, Result};

use crate::seed::Seeded;
use crate::wire::Load;

/// Ticks of `/proc/<pid>/stat` per second, the same on every Linux.
const TICKS: f64 = 100.0;

/// The figures of one run.
#[derive(Clone, Debug)]
pub struct Figures {
    per_second: f64,
    /// Milliseconds, ascending.
    latencies: Vec<f64>,
    errors: usize,
    /// Microseconds of the server's CPU per request: the figure that other load on the machine moves least.
    cpu: f64,
    /// The same of the database's processes.
    database_cpu: Option<f64>,
    /// Part of the machine's CPU that was in use, by anybody.
    busy: f64,
    memory: f64,
}

impl Figures {
    pub const HEAD: &str = "\n| work | connections | req/s best | req/s middle | p50 ms | p99 ms | errors | CPU µs/req | DB CPU µs/req | machine busy | MB |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|";

    /// Runs `load` and tells its figures.
    pub async fn of(load: &Load<'_>, seeded: &Seeded, pids: (u32, Option<u32>)) -> Result<Self> {
        let cpu_of = |pid: u32| cpu(pid);
        let before = (cpu_of(pids.0), pids.1.map(cpu_of), machine());
        let run = load.run(seeded).await?;
        let after = (cpu_of(pids.0), pids.1.map(cpu_of), machine());
        if run.millis.is_empty() {
            return Err(Error::internal(format!(
                "no answer was good: {}",
                run.first_error
            )));
        }
        if run.errors > 0 {
            eprintln!("the first of {} errors: {}", run.errors, run.first_error);
        }
        let mut latencies = run.millis;
        latencies.sort_by(f64::total_cmp);
        let count = latencies.len() as f64;
        let (busy, all) = (after.2.0 - before.2.0, after.2.1 - before.2.1);
        let database = after.1.zip(before.1);
        Ok(Self {
            per_second: count / run.seconds,
            latencies,
            errors: run.errors,
            cpu: (after.0 - before.0) * 1e6 / count,
            database_cpu: database.map(|(after, before)| (after - before) * 1e6 / count),
            busy: busy / all.max(1.0),
            memory: memory(pids.0),
        })
    }

    /// The best and the middle of `runs` as a row of the table.
    pub fn row(name: &str, connections: usize, mut runs: Vec<Self>) -> String {
        runs.sort_by(|a, b| b.per_second.total_cmp(&a.per_second));
        let (best, middle) = (&runs[0], &runs[runs.len() / 2]);
        let database = middle
            .database_cpu
            .map_or(String::new(), |c| format!("{c:.0}"));
        format!(
            "| {name} | {connections} | {:.0} | {:.0} | {:.2} | {:.2} | {} | {:.0} | {database} | {:.2} | {:.0} |",
            best.per_second,
            middle.per_second,
            middle.percentile(0.5),
            middle.percentile(0.99),
            runs.iter().map(|r| r.errors).sum::<usize>(),
            middle.cpu,
            middle.busy,
            middle.memory,
        )
    }

    fn percentile(&self, part: f64) -> f64 {
        let last = self.latencies.len() - 1;
        self.latencies[((last as f64) * part) as usize]
    }
}

/// Resident megabytes of a process; 0 where the system does not tell.
pub fn memory(pid: u32) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find(|l| l.starts_with("VmRSS:"));
    let kilobytes = line.and_then(|l| l.split_whitespace().nth(1)?.parse::<f64>().ok());
    kilobytes.unwrap_or_default() / 1024.0
}

/// CPU seconds of a process and of those that it started.
fn cpu(root: u32) -> f64 {
    let mut own = HashMap::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|n| n.parse::<u32>().ok())
        else {
            continue;
        };
        let text = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let fields: Vec<f64> = text
            .rsplit(')')
            .next()
            .into_iter()
            .flat_map(str::split_whitespace)
            .skip(1)
            .map(|f| f.parse().unwrap_or_default())
            .collect();
        if fields.len() > 14 {
            own.insert(pid, (fields[0] as u32, fields[10] + fields[11]));
        }
    }
    let descends = |mut pid: u32| {
        while pid != root {
            match own.get(&pid) {
                Some((parent, _)) => pid = *parent,
                None => return false,
            }
        }
        true
    };
    let ticks = own
        .iter()
        .filter(|(pid, _)| descends(**pid))
        .map(|(_, (_, t))| t);
    ticks.sum::<f64>() / TICKS
}

/// Ticks of the whole machine: in use, and all.
fn machine() -> (f64, f64) {
    let text = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    let line = text.lines().next().unwrap_or_default();
    let ticks: Vec<f64> = line
        .split_whitespace()
        .skip(1)
        .map(|t| t.parse().unwrap_or_default())
        .collect();
    let all: f64 = ticks.iter().take(8).sum();
    let idle: f64 = ticks.iter().skip(3).take(2).sum();
    (all - idle, all)
}
