//! Recorded pictures and clips.
