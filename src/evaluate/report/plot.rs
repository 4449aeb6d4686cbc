//! A plot as inline SVG: axes, ticks, lines and marks. Colours are the page's style sheet's.

use std::fmt::Write;

/// Size of every plot in its own units.
const WIDTH: f64 = 420.0;
const HEIGHT: f64 = 380.0;
/// Room for labels: left, top, right, bottom.
const ROOM: [f64; 4] = [56.0, 12.0, 14.0, 48.0];

/// A plot being drawn. x runs over 0..1, y over a range of its own.
pub struct Plot {
    svg: String,
    y: [f64; 2],
}

/// The shape of a mark.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// A disc.
    Disc,
    /// A square.
    Square,
    /// A square on its tip.
    Diamond,
}

impl Plot {
    /// Axes with names, ticks at every 0.2 of x and at `ticks` of y, each with what to print there.
    pub fn new(title: &str, names: [&str; 2], y: [f64; 2], ticks: &[(f64, String)]) -> Self {
        let svg = format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\"><title>{title}</title>\n");
        let mut plot = Self { svg, y };
        let (left, right, top, bottom) = (plot.x(0.0), plot.x(1.0), plot.y(y[1]), plot.y(y[0]));
        for tick in 0..=5 {
            let share = f64::from(tick) / 5.0;
            plot.line("grid", [[share, y[0]], [share, y[1]]]);
            plot.text([plot.x(share), bottom + 16.0], "middle", &format!("{share:.1}"));
        }
        for (value, words) in ticks {
            plot.line("grid", [[0.0, *value], [1.0, *value]]);
            plot.text([left - 7.0, plot.y(*value) + 4.0], "end", words);
        }
        let [x_name, y_name] = names;
        plot.text([(left + right) / 2.0, HEIGHT - 10.0], "middle", x_name);
        let middle = (top + bottom) / 2.0;
        let turned = format!(
            "<text transform=\"translate(15 {middle:.1}) rotate(-90)\" text-anchor=\"middle\">{y_name}</text>\n"
        );
        plot.svg.push_str(&turned);
        plot
    }

    /// A plot whose y runs over 0..1 as its x does.
    pub fn of_shares(title: &str, names: [&str; 2]) -> Self {
        let ticks: Vec<_> = (0..=5)
            .map(|n| f64::from(n) / 5.0)
            .map(|y| (y, format!("{y:.1}")))
            .collect();
        Self::new(title, names, [0.0, 1.0], &ticks)
    }

    fn x(&self, x: f64) -> f64 {
        ROOM[0] + x * (WIDTH - ROOM[0] - ROOM[2])
    }

    fn y(&self, y: f64) -> f64 {
        let share = (y - self.y[0]) / (self.y[1] - self.y[0]);
        HEIGHT - ROOM[3] - share * (HEIGHT - ROOM[1] - ROOM[3])
    }

    /// Adds to the drawing; memory takes whatever is written.
    fn add(&mut self, words: std::fmt::Arguments<'_>) {
        let _ = self.svg.write_fmt(words);
    }

    fn text(&mut self, [x, y]: [f64; 2], anchor: &str, words: &str) {
        self.add(format_args!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{words}</text>\n"
        ));
    }

    /// A line through `points`.
    pub fn line(&mut self, class: &str, points: impl IntoIterator<Item = [f64; 2]>) {
        self.add(format_args!("<polyline class=\"{class}\" points=\""));
        for [x, y] in points {
            let (x, y) = (self.x(x), self.y(y));
            self.add(format_args!("{x:.1},{y:.1} "));
        }
        self.add(format_args!("\"/>\n"));
    }

    /// A mark of a radius in the plot's own units.
    pub fn mark(&mut self, class: &str, mark: Mark, at: [f64; 2], radius: f64) {
        let at = [self.x(at[0]), self.y(at[1])];
        self.place(class, mark, at, radius);
    }

    fn place(&mut self, class: &str, mark: Mark, [x, y]: [f64; 2], r: f64) {
        match mark {
            Mark::Disc => self.add(format_args!(
                "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{r:.1}\"/>\n"
            )),
            Mark::Square | Mark::Diamond => {
                let turn = if mark == Mark::Diamond { 45 } else { 0 };
                let (left, top, side) = (x - r, y - r, 2.0 * r);
                self.add(format_args!(
                    "<rect class=\"{class}\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{side:.1}\" \
                     height=\"{side:.1}\" transform=\"rotate({turn} {x:.1} {y:.1})\"/>\n"
                ));
            }
        }
    }

    /// An upright bar between two values of x and two of y.
    pub fn bar(&mut self, class: &str, x: [f64; 2], y: [f64; 2]) {
        let (left, right) = (self.x(x[0]), self.x(x[1]));
        let (top, bottom) = (self.y(y[0].max(y[1])), self.y(y[0].min(y[1])));
        let (width, height) = (right - left, bottom - top);
        self.add(format_args!(
            "<rect class=\"{class}\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"/>\n"
        ));
    }

    /// One line of a legend, counted upwards from the bottom right corner: a mark, or a line without one.
    pub fn legend(&mut self, row: u32, class: &str, mark: Option<Mark>, words: &str) {
        let y = self.y(self.y[0]) - 14.0 - 18.0 * f64::from(row);
        let x = self.x(1.0) - 196.0;
        match mark {
            Some(mark) => self.place(class, mark, [x + 12.0, y], 5.0),
            None => self.add(format_args!(
                "<polyline class=\"{class}\" points=\"{x:.1},{y:.1} {:.1},{y:.1}\"/>\n",
                x + 24.0
            )),
        }
        self.text([x + 32.0, y + 4.0], "start", words);
    }

    /// The drawing.
    pub fn finish(mut self) -> String {
        self.svg.push_str("</svg>\n");
        self.svg
    }
}
