//! What subcommands ask a running daemon, over its page's address on this machine.

use std::time::Duration;

use serde_json::Value;
use ureq::http::Request;

use super::{Code, Failure};

/// How long the daemon may take for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Asks the daemon, or tells it something.
pub(super) fn ask(method: &str, url: &str, order: Option<&Value>) -> Result<Value, Failure> {
    let agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(PATIENCE))
        .build()
        .new_agent();
    let request = Request::builder()
        .method(method)
        .uri(url)
        .header("Content-Type", "application/json");
    let body = order.map_or_else(String::new, Value::to_string);
    let request = request
        .body(body)
        .map_err(|error| Failure::new(Code::Other, error))?;
    let answer = agent.run(request);
    let failed = |words: String| Failure::new(Code::Other, words);
    let answer = answer.map_err(|e| {
        let why = crate::one_line(&e);
        failed(format!(
            "no daemon answers on {url}: {why}; start it (systemctl start sonograde), or name its config with --config"
        ))
    })?;
    let status = answer.status();
    let text = answer
        .into_body()
        .read_to_string()
        .map_err(|e| failed(crate::one_line(&e)))?;
    let said: Value = serde_json::from_str(&text).unwrap_or_default();
    if status.is_success() {
        return Ok(said);
    }
    let detail = said["detail"].as_str().unwrap_or("no reason given");
    Err(failed(format!("the daemon refuses: {detail}")))
}
