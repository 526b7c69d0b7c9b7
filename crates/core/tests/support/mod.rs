//! What several tests share.

pub(crate) mod descriptions;
pub(crate) mod packets;
