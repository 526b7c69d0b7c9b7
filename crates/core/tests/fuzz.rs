//! Replays the corpora of the fuzz targets: what was found once stays found.

use crapvpn_core::{capture, decode, dissect, format, offload};
use std::path::{Path, PathBuf};
use std::{fs, io};

fn replay(corpus: &str, target: fn(&[u8])) -> io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz").join(corpus);
    let files: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|file| Ok(file?.path())).collect::<io::Result<_>>()?;
    assert!(!files.is_empty());
    for file in files {
        let bytes = fs::read(file)?;
        target(&bytes);
        // Cut short, and bytes turned over, all along.
        for place in (0..bytes.len()).step_by(11) {
            target(bytes.get(..place).unwrap_or_default());
            let turn = |(at, byte): (usize, &u8)| if at == place { !byte } else { *byte };
            target(&bytes.iter().enumerate().map(turn).collect::<Vec<_>>());
        }
    }
    Ok(())
}

#[test]
fn split() -> io::Result<()> {
    replay("split", offload::fuzz::split)
}

#[test]
fn merge() -> io::Result<()> {
    replay("merge", offload::fuzz::merge)
}

#[test]
fn description() -> io::Result<()> {
    replay("description", format::fuzz::description)
}

#[test]
fn datagram() -> io::Result<()> {
    replay("datagram", format::fuzz::datagram)
}

#[test]
fn capture() -> io::Result<()> {
    replay("capture", capture::fuzz::capture)
}

#[test]
fn fragments() -> io::Result<()> {
    replay("fragments", capture::fuzz::fragments)
}

#[test]
fn streams() -> io::Result<()> {
    replay("streams", capture::fuzz::streams)
}

#[test]
fn dissect() -> io::Result<()> {
    replay("dissect", dissect::fuzz::dissect)
}

#[test]
fn tunnel() -> io::Result<()> {
    replay("tunnel", decode::fuzz::tunnel)
}

#[test]
fn decapsulate() -> io::Result<()> {
    replay("decapsulate", decode::fuzz::decapsulate)
}

#[test]
fn decode() -> io::Result<()> {
    replay("capture", decode::fuzz::decode)
}
