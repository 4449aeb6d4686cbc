//! Video4Linux2 capture devices.
