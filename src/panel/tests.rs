//! What is lit when, what is a press, and what `[panel]` may say. The lines themselves are in `tests/system/device`.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::pattern::{Lamps, State};
use super::pins::{Down, PanelError, Pins};
use super::press::{Press, Switch};
use super::settings::{Line, Settings};
use crate::capture::Signal;
use crate::exam::record::{Grade, MarkKind, Verdict};
use crate::frame::Rect;
use crate::infer::Runtime;
use crate::package::InService;
use crate::pipeline::{self, Command, ExamView, Live, ModelView, PatientView};

const NOW: Duration = Duration::ZERO;

fn live(signal: Signal) -> Live {
    let shipped = InService::shipped(Runtime::default()).expect("the shipped model");
    let nowhere = Rect::full(1, 1);
    let mut live = Live::starting(nowhere, nowhere, "starting", Arc::new(ModelView::from(&shipped)));
    live.signal = signal;
    live
}

fn exam(verdict: Grade, ci95: Option<[f32; 2]>, ended: bool) -> Option<ExamView> {
    Some(ExamView {
        id: "20260131T094500.123Z-7f3a".into(),
        started: chrono::DateTime::UNIX_EPOCH,
        ended,
        verdict: Verdict {
            verdict,
            score: Some(0.9),
            ci95,
            frames_scored: 40,
            frames_seen: 90,
            frames_counted: None,
        },
        patient: PatientView::Unknown,
        marks: Vec::new(),
        accepted: None,
    })
}

#[test]
fn a_grade_is_shown_only_of_a_running_exam_with_a_live_picture() {
    let mut now = live(Signal::Live);
    assert_eq!(State::of(&now, NOW), State::Live);
    for (grade, state) in [
        (Grade::Low, State::Low),
        (Grade::High, State::High),
        (Grade::Indeterminate, State::Indeterminate),
    ] {
        now.exam = exam(grade, Some([0.8, 0.95]), false);
        assert_eq!(State::of(&now, NOW), state);
        now.exam = exam(grade, Some([0.8, 0.95]), true);
        assert_eq!(State::of(&now, NOW), State::Live, "the exam is over");
        now.exam = exam(grade, None, false);
        assert_eq!(State::of(&now, NOW), State::Live, "too few frames");
    }
    now.exam = exam(Grade::High, Some([0.8, 0.95]), false);
    let reason = String::from("why");
    for (signal, state) in [
        (
            Signal::NoSignal {
                reason: reason.clone(),
            },
            State::Idle,
        ),
        (
            Signal::Frozen {
                reason: reason.clone(),
            },
            State::Idle,
        ),
        (
            Signal::Absent {
                reason: reason.clone(),
            },
            State::Fault,
        ),
        (
            Signal::Unsupported {
                reason: reason.clone(),
            },
            State::Fault,
        ),
    ] {
        now.signal = signal;
        assert_eq!(State::of(&now, NOW), state);
    }
}

#[test]
fn a_hanging_pipeline_and_a_store_that_fails_are_shown_instead_of_a_grade() {
    let mut now = live(Signal::Live);
    now.exam = exam(Grade::High, Some([0.8, 0.95]), false);
    assert_eq!(State::of(&now, Duration::from_secs(6)), State::Fault);
    now.store.fault = Some("not being stored: the disk is full".into());
    assert_eq!(State::of(&now, NOW), State::NotStoring);
}

#[test]
fn every_state_has_a_rhythm_of_its_own_whatever_the_colours() {
    let second = |state: State, of: fn(Lamps) -> u8| -> Vec<u8> {
        let at = |ms| of(state.lamps(Duration::from_millis(1000 + ms)));
        (0..3000_u64).step_by(10).map(at).collect()
    };
    let place = |lamps: Lamps| u8::from(lamps.green) | u8::from(lamps.amber) << 1 | u8::from(lamps.red) << 2;
    let seen: HashSet<Vec<u8>> = State::ALL.map(|state| second(state, place)).into();
    assert_eq!(seen.len(), State::ALL.len());
    for state in State::ALL {
        let lit = second(state, place);
        assert!(lit.iter().any(|lamps| *lamps != 0), "{state:?} shows something");
        let steady = lit.iter().all(|lamps| *lamps == lit[0]);
        let grade = matches!(state, State::Low | State::High | State::Indeterminate);
        assert_eq!(
            steady, grade,
            "{state:?}: what does not blink is a grade, and only that"
        );
    }
}

#[test]
fn the_buzzer_beeps_three_times_for_what_needs_someone_and_never_for_a_grade() {
    for state in State::ALL {
        let sounds = |ms| state.lamps(Duration::from_millis(ms)).buzzer;
        let beeps = (1..20_000)
            .filter(|ms| sounds(*ms) && !(sounds(ms - 1) && *ms != 1))
            .count();
        let expected = if matches!(state, State::Fault | State::NotStoring) {
            3
        } else {
            0
        };
        assert_eq!(beeps, expected, "{state:?}");
    }
}

/// The presses of a switch that is looked at every 10 ms and is down as `levels` say: (down, for how many ms).
fn presses(levels: &[(bool, u64)]) -> Vec<(Press, u64)> {
    let mut switch = Switch::new(Duration::from_millis(30), Duration::from_millis(1000));
    let (mut now, mut presses) = (0, Vec::new());
    for (down, ms) in levels {
        for _ in (0..*ms).step_by(10) {
            let press = switch.look(*down, Duration::from_millis(now));
            presses.extend(press.map(|press| (press, now)));
            now += 10;
        }
    }
    presses
}

#[test]
fn presses_are_short_or_long_and_chatter_is_none() {
    const UP: (bool, u64) = (false, 100);
    assert_eq!(presses(&[UP, (true, 80), UP]), [(Press::Short, 210)]);
    assert_eq!(presses(&[UP, (true, 3000), UP]), [(Press::Long, 1100)]);
    assert_eq!(
        presses(&[
            UP,
            (true, 10),
            (false, 10),
            (true, 10),
            (false, 20),
            (true, 10),
            UP
        ]),
        [],
        "chatter"
    );
    let bounces = [
        UP,
        (true, 10),
        (false, 10),
        (true, 200),
        (false, 10),
        (true, 10),
        UP,
    ];
    assert_eq!(presses(&bounces).len(), 1, "one press, with chatter at both ends");
    let twice = [UP, (true, 60), (false, 60), (true, 60), UP];
    assert_eq!(presses(&twice).len(), 2);
}

#[test]
fn a_switch_that_is_down_at_the_start_says_nothing_until_it_was_let_go() {
    assert_eq!(presses(&[(true, 5000)]), []);
    assert_eq!(
        presses(&[(true, 5000), (false, 100), (true, 50), (false, 100)]).len(),
        1
    );
}

#[test]
fn the_section_maps_lines_by_name_or_offset() {
    let read = |text: &str| toml::from_str::<Settings>(text).map_err(|e| e.message().to_owned());
    let good =
        read("chip = \"/dev/gpiochip0\"\ngreen = \"LED\"\nfoot_switch = 4\nactive_low = [\"foot_switch\"]");
    let lines = good.expect("a good section").lines;
    assert_eq!(lines[0].line, Line::Name("LED".into()));
    assert!(lines[1].line == Line::Offset(4) && lines[1].active_low && !lines[0].active_low);
    for (text, words) in [
        ("green = 1", "missing field `chip`"),
        ("chip = \"a\"", "no line is mapped"),
        (
            "chip = \"a\"\ngreen = 1\nred = 1",
            "line 1 is given to both Green and Red",
        ),
        ("chip = \"a\"\ngreen = true", "expected a line's name"),
        ("chip = \"a\"\nblue = 1", "unknown field `blue`"),
        ("chip = \"raspberry-pi\"\ngreen = \"GPIO17\"", "takes BCM numbers"),
        (
            "chip = \"a\"\nbutton = 1\nlong_press_ms = 20",
            "must be more than debounce_ms",
        ),
    ] {
        let error = read(text).map(|_| ()).expect_err(words);
        assert!(error.contains(words), "{error}");
    }
}

/// Switches that are down at these times, in milliseconds.
struct Feet {
    began: Instant,
    foot_switch: Vec<std::ops::Range<u128>>,
    button: Vec<std::ops::Range<u128>>,
}

impl Pins for Feet {
    fn show(&mut self, _: Lamps) -> Result<(), PanelError> {
        Ok(())
    }

    fn look(&self) -> Result<Down, PanelError> {
        let now = self.began.elapsed().as_millis();
        let down = |times: &[std::ops::Range<u128>]| times.iter().any(|time| time.contains(&now));
        Ok(Down {
            foot_switch: down(&self.foot_switch),
            button: down(&self.button),
        })
    }
}

/// The pipeline's end of the panel, with an exam that runs from the first start on.
struct Pressed {
    control: pipeline::Control,
    running: std::cell::Cell<bool>,
    until: Instant,
}

impl super::Notes for Pressed {
    fn stopping(&self) -> bool {
        Instant::now() > self.until
    }

    fn fault(&self, _: Option<String>) {}

    fn pressed(&self, control: super::Control, press: Press) {
        let command = pipeline::asked(control, press, self.running.get());
        self.running
            .set(self.running.get() && command != Command::Stop || command == Command::Start);
        self.control.tell(command);
    }
}

/// Short and long, foot and button, from the lines to what the pipeline is asked for.
#[test]
fn a_press_reaches_the_exam() {
    let settings: Settings = toml::from_str(
        "chip = \"none\"\nfoot_switch = 1\nbutton = 2\ndebounce_ms = 20\nlong_press_ms = 400\n",
    )
    .expect("a good panel");
    let (control, asked) = pipeline::Control::new();
    let began = Instant::now();
    let mut feet = Feet {
        began,
        foot_switch: vec![100..220, 700..820, 1300..1900],
        button: vec![400..520, 2100..2700],
    };
    let pressed = Pressed {
        control,
        running: false.into(),
        until: began + Duration::from_millis(3000),
    };
    let (_publish, mut receive) = tokio::sync::watch::channel(live(Signal::Live));
    let lost = super::serve(
        &mut feet,
        &settings,
        &mut receive,
        &mut super::Face::new(),
        &pressed,
    );
    assert!(lost.is_none());
    let commands: Vec<Command> = asked.try_iter().map(|asked| asked.command).collect();
    assert_eq!(
        commands,
        [
            Command::Start,
            Command::Mark(MarkKind::Injection),
            Command::Mark(MarkKind::Picture),
            Command::Stop,
            Command::Mark(MarkKind::Flash),
        ]
    );
}
