//! The servers of the config: does each answer, and would it do what it is there for.

use crate::findings::Finding;
use crate::uplink::look::{self, Server};
use crate::uplink::settings::{Destination, Dicom};

pub(super) fn findings(dicom: &Dicom, destinations: &[Destination]) -> Vec<Finding> {
    let cart = dicom.ae_title.0.as_str();
    let seen = look::servers(dicom, destinations);
    seen.iter().map(|server| finding(server, cart)).collect()
}

fn finding(server: &Server, cart: &str) -> Finding {
    let Server {
        name,
        kind,
        address,
        lacks,
    } = server;
    let place = format!("{name} ({kind}, {address})");
    match lacks {
        Ok(lacks) if lacks.is_empty() => {
            let question = match *kind {
                "dicomweb" => "a query (QIDO-RS)",
                "object-store" => "",
                _ => "C-ECHO",
            };
            Finding::ok("server", format!("{place}: answers {question}").trim_end())
        }
        Ok(lacks) => {
            let found = format!("{place}: answers, but does not offer {}", lacks.join(", "));
            Finding::warning("server", found, format!("have that allowed there for {cart}"))
        }
        Err(why) => {
            let check = match *kind {
                "dicomweb" => "url and tls".to_owned(),
                "object-store" => "url, endpoint, access_key, secret_file and tls".to_owned(),
                _ => format!("address, called_ae and tls, and that it knows the cart as {cart}"),
            };
            let advice = format!("check the network, {check}; what is owed waits for it");
            Finding::fault("server", format!("{place}: {why}"), advice)
        }
    }
}
