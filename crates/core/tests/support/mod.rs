//! What several tests share; none of them uses all of it.

#![allow(dead_code, reason = "each test uses a part")]

pub(crate) mod captures;
pub(crate) mod descriptions;
pub(crate) mod keys;
pub(crate) mod packets;
