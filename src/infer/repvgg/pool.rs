//! Threads that share the units of a frame.
//!
//! Units are numbered stage by stage; a unit is begun when all units of the earlier stages are done. Each thread has a lane, of a
//! stage's units every second one where there are two threads. It takes those first, so that it reads again what it wrote;
//! then whatever is left in another's lane, so a thread that the system holds up delays one unit and no more. A thread that did all of its
//! lane's units of the last stage begins the next one before the others are done: the unit waits itself, when it comes to what
//! needs them.
//!
//! Between frames the workers sleep. They keep off the core that the calling thread runs on: some kernels wake a thread where
//! it last ran, though another core is free, and there it would run only when the frame is over. A frame whose threads had to
//! wait long shows that something else wants the processor: the next frames are left to the calling thread.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Work that can be shared.
pub trait Job: Send + Sync + 'static {
    /// For each stage, the number of the first unit after it.
    fn stages(&self) -> &[usize];

    /// Does one unit.
    fn unit(&self, claim: &Claim<'_>);
}

/// The right to do a unit. There is only one of each unit in a frame. While it lives no unit of a later stage ends, and once it has
/// waited none of an earlier one is in the making. Before, units of the last stage may be: other lanes' than that of the thread,
/// which then has done its own lane's, and has this unit from there.
pub struct Claim<'a> {
    unit: usize,
    stage: usize,
    thread: usize,
    progress: &'a Progress,
    /// Units of earlier stages.
    before: usize,
    slept: Cell<bool>,
}

impl Claim<'_> {
    /// The unit's stage.
    pub fn stage(&self) -> usize {
        self.stage
    }

    /// The unit's number in the frame.
    pub fn unit(&self) -> usize {
        self.unit
    }

    /// The number of the thread that has it. No other claim that lives has the same.
    pub fn thread(&self) -> usize {
        self.thread
    }

    /// Until all units of earlier stages are done.
    pub fn wait(&self) {
        if self.progress.wait_for(self.before) {
            self.slept.set(true);
        }
    }
}

/// The right to all of a job: no unit is claimed while it lives.
pub struct Alone(());

/// A job and the threads that do it.
pub struct Pool<J: Job> {
    common: Arc<Common<J>>,
    workers: Vec<JoinHandle<()>>,
    /// Frames that are still to be done alone, and how many it will be after the next long wait.
    solo: u32,
    penalty: u32,
}

struct Common<J> {
    job: J,
    lanes: Vec<Lane>,
    progress: Progress,
    /// Frame that workers are called to, and the core that calls.
    call: (Mutex<(u64, usize)>, Condvar),
    stop: AtomicBool,
}

/// How far a frame is.
#[derive(Default)]
struct Progress {
    /// Units done.
    done: AtomicUsize,
    /// Whether somebody sleeps until `done` grows.
    sleepers: AtomicUsize,
    grown: (Mutex<()>, Condvar),
}

/// A thread's units.
struct Lane {
    /// Frame number in the upper half, how many units of the lane are taken in the lower.
    next: AtomicU64,
    /// For each stage, how many units the lane has up to its end.
    ends: Vec<usize>,
}

/// Turns of a wait before it sleeps: ten to a hundred microseconds, by the processor.
const SPINS: u32 = 2000;
/// A sleep ends after this at the latest.
const NAP: Duration = Duration::from_millis(1);
/// The most frames in a row that are done alone.
const LONGEST_SOLO: u32 = 256;

impl<J: Job> Pool<J> {
    /// A pool of `threads`, the calling one included.
    pub fn new(job: J, threads: usize) -> Self {
        let lanes = (0..threads.max(1)).map(|lane| Lane::new(job.stages(), lane, threads.max(1)));
        let common = Arc::new(Common {
            lanes: lanes.collect(),
            job,
            progress: Progress::default(),
            call: Default::default(),
            stop: AtomicBool::new(false),
        });
        let worker = |n| {
            let common = Arc::clone(&common);
            let name = format!("infer-{n}");
            std::thread::Builder::new()
                .name(name)
                .spawn(move || common.work(n))
        };
        // A thread that the system refuses is one less.
        let workers = (1..threads).filter_map(|n| worker(n).ok()).collect();
        Self {
            common,
            workers,
            solo: 0,
            penalty: 0,
        }
    }

    /// Threads, the calling one included.
    pub fn threads(&self) -> usize {
        1 + self.workers.len()
    }

    /// Does a frame; `after` reads what came out.
    pub fn frame<T>(&mut self, after: impl FnOnce(&J, &Alone) -> T) -> T {
        let common = &*self.common;
        let units = common.job.stages().last().copied().unwrap_or(0);
        let last = common.lanes[0].next.load(Ordering::Relaxed) >> 32;
        let frame = last.wrapping_add(1) & u64::from(u32::MAX);
        let shared = !self.workers.is_empty() && self.solo == 0;
        common.progress.done.store(0, Ordering::Relaxed);
        for lane in &common.lanes {
            lane.next.store(frame << 32, Ordering::Release);
        }
        if shared {
            *common.call.0.lock().unwrap_or_else(PoisonError::into_inner) =
                (frame, rustix::thread::sched_getcpu());
            common.call.1.notify_all();
        }
        let mut slept = common.take_part(0);
        slept |= common.progress.wait_for(units);
        if shared && slept {
            self.solo = self.penalty;
            self.penalty = (2 * self.penalty).clamp(1, LONGEST_SOLO);
        } else if shared {
            self.penalty /= 2;
        } else {
            self.solo = self.solo.saturating_sub(1);
        }
        after(&common.job, &Alone(()))
    }

    /// Does a frame on the calling thread and stops after each stage.
    pub fn stages(&mut self, mut after: impl FnMut(usize, &J, &Alone)) {
        let job = &self.common.job;
        let mut unit = 0;
        for (stage, &end) in job.stages().iter().enumerate() {
            for unit in unit..end {
                job.unit(&Claim {
                    unit,
                    stage,
                    thread: 0,
                    progress: &self.common.progress,
                    before: 0,
                    slept: Cell::new(false),
                });
            }
            unit = end;
            after(stage, job, &Alone(()));
        }
    }
}

impl Lane {
    fn new(stages: &[usize], lane: usize, lanes: usize) -> Self {
        let (mut first, mut end) = (0, 0);
        let ends = stages.iter().map(|&stage| {
            end += (stage - first + lanes - 1 - lane) / lanes;
            first = stage;
            end
        });
        Self {
            next: AtomicU64::new(u64::from(u32::MAX)),
            ends: ends.collect(),
        }
    }
}

impl<J: Job> Common<J> {
    /// What worker `own` does all its life.
    fn work(&self, own: usize) {
        let cores = rustix::thread::sched_getaffinity(None);
        let (mut seen, mut avoided) = (0, None);
        loop {
            let (lock, called) = &self.call;
            let mut call = lock.lock().unwrap_or_else(PoisonError::into_inner);
            while call.0 == seen && !self.stop.load(Ordering::Relaxed) {
                call = called.wait(call).unwrap_or_else(PoisonError::into_inner);
            }
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            let caller;
            (seen, caller) = *call;
            drop(call);
            if let Ok(mut cores) = cores
                && avoided != Some(caller)
            {
                cores.unset(caller);
                // With no other core it stays where it is.
                let _ = rustix::thread::sched_setaffinity(None, &cores);
                avoided = Some(caller);
            }
            self.take_part(own);
        }
    }

    /// Does units until none is left, of lane `own` first; says whether it had to sleep.
    fn take_part(&self, own: usize) -> bool {
        let mut slept = false;
        // The own lane's units that this thread took one after the other, as the lane counts them.
        let mut run = 0..0;
        while let Some((stage, lane, next)) = self.find(own) {
            let taken = self.lanes[lane].next.compare_exchange_weak(
                next,
                next + 1,
                Ordering::Acquire,
                Ordering::Relaxed,
            );
            if taken.is_err() {
                continue;
            }
            let (stages, ends) = (self.job.stages(), &self.lanes[lane].ends);
            // Units before this stage, of all and of the lane.
            let units_before = |stage: usize| stage.checked_sub(1).map_or((0, 0), |n| (stages[n], ends[n]));
            let (first, before) = units_before(stage);
            let taken = (next & u64::from(u32::MAX)) as usize;
            if lane == own {
                if next != run.end {
                    run.start = next;
                }
                run.end = next + 1;
            }
            // All that the own lane has of the last stage, which is something.
            let early = lane == own
                && stage.checked_sub(1).is_some_and(|last| {
                    let last = units_before(last).1;
                    last < before && run.start <= next - (taken - last) as u64
                });
            let claim = Claim {
                unit: first + (taken - before) * self.lanes.len() + lane,
                stage,
                thread: own,
                progress: &self.progress,
                before: first,
                slept: Cell::new(false),
            };
            if !early {
                claim.wait();
            }
            self.job.unit(&claim);
            claim.wait();
            slept |= claim.slept.get();
            self.progress.grow();
        }
        slept
    }

    /// The next unit of the earliest stage, in lane `own` if it has one there: stage, lane, and where that lane stands. A lane of
    /// the last frame has none.
    fn find(&self, own: usize) -> Option<(usize, usize, u64)> {
        let lanes = (own..self.lanes.len()).chain(0..own);
        lanes
            .filter_map(|lane| {
                let Lane { next, ends } = &self.lanes[lane];
                let next = next.load(Ordering::Acquire);
                let taken = (next & u64::from(u32::MAX)) as usize;
                let stage = ends.partition_point(|&end| end <= taken);
                (stage < ends.len()).then_some((stage, lane, next))
            })
            .min_by_key(|(stage, ..)| *stage)
    }
}

impl Progress {
    /// One more unit is done.
    fn grow(&self) {
        self.done.fetch_add(1, Ordering::AcqRel);
        if self.sleepers.load(Ordering::SeqCst) > 0 {
            drop(self.grown.0.lock());
            self.grown.1.notify_all();
        }
    }

    /// Until `units` of the frame are done; says whether it had to sleep.
    fn wait_for(&self, units: usize) -> bool {
        for _ in 0..SPINS {
            if self.done.load(Ordering::Acquire) >= units {
                return false;
            }
            std::hint::spin_loop();
        }
        let mut guard = self.grown.0.lock().unwrap_or_else(PoisonError::into_inner);
        self.sleepers.fetch_add(1, Ordering::SeqCst);
        while self.done.load(Ordering::SeqCst) < units {
            guard = self
                .grown
                .1
                .wait_timeout(guard, NAP)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        self.sleepers.fetch_sub(1, Ordering::SeqCst);
        true
    }
}

impl<J: Job> Drop for Pool<J> {
    fn drop(&mut self) {
        self.common.stop.store(true, Ordering::Relaxed);
        drop(self.common.call.0.lock());
        self.common.call.1.notify_all();
        for worker in self.workers.drain(..) {
            // A worker's panic has been reported; there is nothing left to do about it.
            let _ = worker.join();
        }
    }
}
