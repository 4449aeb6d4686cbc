//! The phantom: a simulated CEUS exam.
