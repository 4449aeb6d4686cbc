//! The page's own files, embedded in the binary.

use axum::Router;
use axum::http::header;
use axum::routing::get;

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// Path, media type and contents of every file.
const FILES: [(&str, &str, &str); 9] = [
    ("/", HTML, include_str!("page/index.html")),
    ("/style.css", CSS, include_str!("page/style.css")),
    ("/icon.svg", SVG, include_str!("page/icon.svg")),
    ("/app.js", SCRIPT, include_str!("page/app.js")),
    ("/link.js", SCRIPT, include_str!("page/link.js")),
    ("/picture.js", SCRIPT, include_str!("page/picture.js")),
    ("/gauge.js", SCRIPT, include_str!("page/gauge.js")),
    ("/trend.js", SCRIPT, include_str!("page/trend.js")),
    ("/words.js", SCRIPT, include_str!("page/words.js")),
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
