//! What `run` and `demo` share: a pipeline, its page, its signals, and what the terminal shows of it.

use std::io::{IsTerminal, Write};
use std::net::{TcpListener, ToSocketAddrs};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::watch;

use super::service::{self, Watchdog};
use super::{Code, Failure, run, self_check};
use crate::audit::{self, Recorder, Trail};
use crate::capture::Signal;
use crate::config::Bedside;
use crate::exam::record::{Quality, Verdict};
use crate::lines;
use crate::package::InService;
use crate::pipeline::{Event, Live, Parts, Pipeline, Site, Summary};
use crate::{uplink, web};

/// What stdout shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Show {
    /// Nothing; the log goes to stderr.
    Log,
    /// One status line that updates.
    Status,
    /// JSON lines.
    Lines,
}

/// Results that may wait for whoever reads the JSON lines.
const LINES_WAITING: usize = 1024;
/// How often the status line is written: to a terminal, and to a file.
const STATUS_EVERY: Duration = Duration::from_millis(200);
const STATUS_EVERY_FILE: Duration = Duration::from_secs(5);

/// Why serving ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// A signal, or the end of the source.
    Stopped,
    /// SIGHUP: the config is to be read again.
    Reload,
}

/// Takes the page's address for this machine before anything else is started.
pub(super) fn listen(address: &str) -> Result<TcpListener, Failure> {
    let addresses = address.to_socket_addrs().map(Iterator::collect::<Vec<_>>);
    let elsewhere = addresses
        .ok()
        .and_then(|all| all.into_iter().find(|a| !a.ip().to_canonical().is_loopback()));
    if let Some(elsewhere) = elsewhere {
        let words = format!(
            "the page without a login is for this machine alone, and {elsewhere} is for others too: listen on 127.0.0.1 or [::1], \
             and let others in with [web.network] in the config, by TLS and with a login"
        );
        return Err(Failure::new(Code::Listen, words));
    }
    bind(address)
}

/// Takes the page's address for other machines, and what proves to them who we are.
pub(super) fn listen_abroad(network: web::Network) -> Result<web::Remote, Failure> {
    let listener = bind(&network.listen.to_string())?;
    web::Remote::new(listener, network).map_err(|error| Failure::new(Code::Config, error))
}

fn bind(address: &str) -> Result<TcpListener, Failure> {
    let words = |e: std::io::Error| {
        let advice = "another program may have the port: stop it, or choose another address";
        Failure::new(Code::Listen, format!("cannot listen on {address}: {e}; {advice}"))
    };
    let listener = TcpListener::bind(address).map_err(words)?;
    listener.set_nonblocking(true).map_err(words)?;
    Ok(listener)
}

/// Begins to record what a daemon does that starts now with `model` and a config of this hash. The thread ends when what
/// was recorded is written.
pub(super) fn audit(trail: &Trail, config: Option<String>, model: &InService) -> (Recorder, JoinHandle<()>) {
    let before = trail.last(|record| match record.event {
        audit::Event::Started { config, .. } => config,
        // At the bedside, by whoever did it.
        audit::Event::ConfigChanged { now, .. } => Some(now),
        _ => None,
    });
    let before = before.unwrap_or_else(|error| {
        tracing::warn!(
            "whether the config has changed cannot be told: {}",
            crate::one_line(&error)
        );
        None
    });
    let (recorder, written) = Recorder::start(trail.clone());
    recorder.record(audit::Event::Started {
        software: format!("sonograde {}", env!("CARGO_PKG_VERSION")),
        config: config.clone(),
        model: model.model.identity().sha256.clone(),
    });
    if let (Some(before), Some(now)) = (before, config)
        && before != now
    {
        recorder.record(audit::Event::ConfigChanged {
            before,
            now,
            set: None,
        });
    }
    (recorder, written)
}

/// Where the page is served.
pub(super) struct Doors {
    /// To this machine.
    pub cart: TcpListener,
    /// To others.
    pub network: Option<web::Remote>,
}

/// Runs until the source is over (`end_with_source`), a signal comes, or no exam runs after a SIGHUP or a change of the `bedside`'s
/// that leave a good config; and until the audit trail is `written`.
pub(super) fn serve(
    parts: Parts,
    uplink: uplink::Plan,
    written: JoinHandle<()>,
    doors: Option<Doors>,
    show: Show,
    end_with_source: bool,
    bedside: Option<Bedside>,
) -> Result<Ended, Failure> {
    let audit = parts.audit.clone();
    let done = serve_page(parts, uplink, doors, show, end_with_source, bedside);
    audit.record(audit::Event::Stopped);
    drop(audit);
    written
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    done
}

fn serve_page(
    mut parts: Parts,
    uplink: uplink::Plan,
    doors: Option<Doors>,
    show: Show,
    end_with_source: bool,
    bedside: Option<Bedside>,
) -> Result<Ended, Failure> {
    let site = Site {
        source: parts.source.clone(),
        version: env!("CARGO_PKG_VERSION"),
    };
    let events = (show == Show::Lines).then(|| {
        let (send, receive) = sync_channel(LINES_WAITING);
        parts.events = Some(send);
        receive
    });
    let other = |e: std::io::Error| Failure::new(Code::Other, e);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(other)?;
    let (stop, stopped) = watch::channel(false);
    runtime.spawn(on_signal(stop.clone()));
    let (store, audit) = (Arc::clone(&parts.store), parts.audit.clone());
    let pipeline = Pipeline::start(parts)?;
    let uplink = uplink.start(&store, &pipeline.store_queue());
    let stopper = Arc::new(pipeline.stopper());
    let ended = Arc::new(Mutex::new(Ended::Stopped));
    if let Some(bedside) = bedside.clone() {
        runtime.spawn(on_hangup(
            bedside,
            pipeline.live(),
            Arc::clone(&ended),
            stop.clone(),
        ));
    }
    {
        let _inside = runtime.enter();
        self_check::watch_for(Arc::clone(&store), pipeline.live()).map_err(other)?;
    }
    let _watchdog = Watchdog::start(pipeline.pulses());
    let cart = web::Cart {
        control: pipeline.control(),
        store,
        audit,
        uplink: uplink.handle(),
        worklist: uplink.worklist(),
        bedside,
    };
    let page = match doors {
        Some(Doors {
            cart: listener,
            network,
        }) => {
            let address = listener.local_addr().map_err(other)?;
            let (live, stopped) = (pipeline.live(), stopped.clone());
            eprintln!("The bedside page is on http://{address}");
            Some(runtime.spawn(async move {
                let listener = tokio::net::TcpListener::from_std(listener)?;
                web::serve(listener, network, site, live, cart, until(stopped)).await
            }))
        }
        None => None,
    };
    let stop_pipeline = Arc::clone(&stopper);
    runtime.spawn(async move {
        until(stopped).await;
        // Before the store's thread ends: it has to write what was delivered.
        let _ = tokio::task::spawn_blocking(move || uplink.stop()).await;
        stop_pipeline();
    });

    service::ready();
    let written = match events {
        Some(events) => write_lines(&events),
        None => watch_status(&pipeline, show),
    };
    if written.is_err() {
        stopper();
    }
    let why = || *ended.lock().unwrap_or_else(PoisonError::into_inner);
    // systemd kills what says that it stops and then does not: a reload goes on.
    if *stop.borrow() && why() == Ended::Stopped {
        service::stopping();
    }
    let summary = pipeline.join()?;
    if show == Show::Status {
        print_summary(&summary);
    }
    if let Some(page) = page {
        if end_with_source || written.is_err() {
            stop.send_replace(true);
        } else if !*stop.borrow() {
            eprintln!("The source is over; the page stays up. Ctrl-C ends it.");
        }
        let served = runtime.block_on(page).map_err(|e| Failure::new(Code::Other, e))?;
        served.map_err(|e| Failure::new(Code::Listen, e))?;
    }
    written.map_err(|e| Failure::new(Code::Output, format!("cannot write to stdout: {e}")))?;
    Ok(why())
}

/// Says in `stop` when SIGINT or SIGTERM comes.
pub(super) async fn on_signal(stop: watch::Sender<bool>) {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    stop.send_replace(true);
}

async fn on_hangup(
    bedside: Bedside,
    mut live: watch::Receiver<Live>,
    ended: Arc<Mutex<Ended>>,
    stop: watch::Sender<bool>,
) {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut hangup) = signal(SignalKind::hangup()) else {
        return;
    };
    loop {
        tokio::select! {
            _ = hangup.recv() => {}
            () = bedside.changed() => {}
        }
        if run::agree(bedside.path()) {
            break;
        }
    }
    // An error means that the pipeline has ended, and with it the exam.
    let _ = live
        .wait_for(|live| live.exam.as_ref().is_none_or(|exam| exam.ended))
        .await;
    // Whoever asked for the end meanwhile gets it: a reload is not in its way.
    stop.send_if_modified(|stopping| {
        let reloads = !*stopping;
        if reloads {
            *ended.lock().unwrap_or_else(PoisonError::into_inner) = Ended::Reload;
            *stopping = true;
        }
        reloads
    });
}

async fn until(mut stopped: watch::Receiver<bool>) {
    // An error means that nobody can ask for a stop any more.
    let _ = stopped.wait_for(|stop| *stop).await;
}

fn write_lines(events: &Receiver<Event>) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for event in events {
        match event {
            Event::Frame(graded) => lines::frame(&mut out, None, &graded)?,
            Event::Ended(exam) => {
                if let Some(verdict) = &exam.verdict {
                    lines::verdict(&mut out, None, verdict, &exam.provenance.model)?;
                }
            }
        }
        out.flush()?;
    }
    Ok(())
}

fn watch_status(pipeline: &Pipeline, show: Show) -> std::io::Result<()> {
    let live = pipeline.live();
    let mut out = std::io::stdout();
    let terminal = out.is_terminal();
    let every = if terminal { STATUS_EVERY } else { STATUS_EVERY_FILE };
    loop {
        if show == Show::Status {
            let line = status_line(&live.borrow());
            if terminal {
                write!(out, "\r\x1b[K{line}")?;
            } else {
                writeln!(out, "{line}")?;
            }
            out.flush()?;
        }
        if pipeline.over_within(every) {
            break;
        }
    }
    if show == Show::Status && terminal {
        writeln!(out, "\r\x1b[K{}", status_line(&live.borrow()))?;
    }
    Ok(())
}

fn status_line(live: &Live) -> String {
    let signal = match &live.signal {
        Signal::Live => match live.quality {
            Some(Quality::Duplicate) | None => "live".to_owned(),
            Some(quality) => format!("live, {quality}"),
        },
        Signal::Absent { reason }
        | Signal::NoSignal { reason }
        | Signal::Unsupported { reason }
        | Signal::Frozen { reason } => reason.clone(),
    };
    let score = match (&live.signal, &live.graded) {
        (Signal::Live, Some(graded)) => graded
            .outcome
            .as_ref()
            .map_or(String::new(), |s| format!("{:.3}", s.score)),
        _ => "-".into(),
    };
    let verdict = live
        .exam
        .as_ref()
        .map_or("no exam".into(), |exam| exam.verdict.to_string());
    let rates = live.rates;
    let stored = match &live.store.fault {
        Some(fault) => fault.clone(),
        None => format!("{} saved", live.store.saved),
    };
    format!(
        "{signal} | P(high) {score} | {verdict} | {:.0} frames/s, {:.1} new, {:.0} ms | {stored}",
        rates.captured_fps, rates.new_fps, rates.latency_ms
    )
}

fn print_summary(summary: &Summary) {
    match &summary.exam {
        Some(exam) => {
            let verdict = exam
                .verdict
                .as_ref()
                .map_or("no verdict".into(), Verdict::to_string);
            println!("Exam {}: {verdict}", exam.id);
        }
        None => println!("No exam: no frame was scored"),
    }
    println!(
        "{} frames captured, {} replaced by newer ones, {} results saved",
        summary.captured, summary.dropped, summary.store.saved
    );
    let exam = summary.exam.as_ref();
    let model = exam.map_or(&summary.model, |exam| &exam.provenance.model);
    println!("{} (model {} {})", model.label(), model.name, model.version);
}
