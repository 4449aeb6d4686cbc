//! The page's own files, embedded in the binary.

use axum::Router;
use axum::http::header;
use axum::routing::get;

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// Path, media type and contents of every file.
const FILES: [(&str, &str, &str); 28] = [
    ("/", HTML, include_str!("page/index.html")),
    ("/style.css", CSS, include_str!("page/style.css")),
    ("/exam.css", CSS, include_str!("page/exam.css")),
    ("/grade.css", CSS, include_str!("page/grade.css")),
    ("/icon.svg", SVG, include_str!("page/icon.svg")),
    ("/app.js", SCRIPT, include_str!("page/app.js")),
    ("/link.js", SCRIPT, include_str!("page/link.js")),
    ("/picture.js", SCRIPT, include_str!("page/picture.js")),
    ("/gauge.js", SCRIPT, include_str!("page/gauge.js")),
    ("/trend.js", SCRIPT, include_str!("page/trend.js")),
    ("/words.js", SCRIPT, include_str!("page/words.js")),
    ("/catalogue.js", SCRIPT, include_str!("page/catalogue.js")),
    ("/ask.js", SCRIPT, include_str!("page/ask.js")),
    ("/draw.js", SCRIPT, include_str!("page/draw.js")),
    ("/exam.js", SCRIPT, include_str!("page/exam.js")),
    ("/worklist.js", SCRIPT, include_str!("page/worklist.js")),
    ("/tour.js", SCRIPT, include_str!("page/tour.js")),
    ("/tour.css", CSS, include_str!("page/tour.css")),
    ("/device", HTML, include_str!("page/device.html")),
    ("/device.js", SCRIPT, include_str!("page/device.js")),
    ("/device.css", CSS, include_str!("page/device.css")),
    ("/card.js", SCRIPT, include_str!("page/card.js")),
    ("/settings.js", SCRIPT, include_str!("page/settings.js")),
    ("/login", HTML, include_str!("page/login.html")),
    ("/login.js", SCRIPT, include_str!("page/login.js")),
    ("/review", HTML, include_str!("page/review.html")),
    ("/review.js", SCRIPT, include_str!("page/review.js")),
    ("/review.css", CSS, include_str!("page/review.css")),
];

/// A route for each file.
pub(super) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    FILES
        .into_iter()
        .fold(Router::new(), |router, (path, media, text)| {
            router.route(
                path,
                get(move || async move { ([(header::CONTENT_TYPE, media)], text) }),
            )
        })
}
