//! Documents A (referral), B (clearance), D (integration), E (medical follow-up) and F (episode).

pub mod clearance;
pub mod episode;
pub mod follow_up;
pub mod integration;
pub mod referral;
