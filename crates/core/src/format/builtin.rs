//! The formats that come with the program, in the same language that users write.

use super::Format;

/// Declares the built-in formats once: the file's name is the format's.
macro_rules! built_in {
    ($($name:literal)+) => {
        /// Name and description of every built-in format, the program's own first.
        pub const BUILT_IN: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../../formats/", $name, ".toml")))),+];
    };
}

built_in! {
    "crapvpn"
    "crapvpn-aead"
    "crapvpn-aead-ethernet"
    "crapvpn-ethernet"
    "crapvpn-tcp"
    "bare-ip"
    "esp-udp"
    "geneve"
    "gre-udp"
    "gtpu"
    "l2tpv3-udp"
    "nebula"
    "openvpn-data-v2"
    "qemu-socket-tcp"
    "vde-stream"
    "vxlan"
    "vxlan-gpe"
    "wireguard-data"
}

impl Format {
    /// The built-in format with this name.
    #[must_use]
    pub fn built_in(name: &str) -> Option<Self> {
        let (name, text) = BUILT_IN.iter().find(|(known, _)| *known == name)?;
        Self::read(name, text).format
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_format_is_sound_and_called_as_its_file() {
        for (name, text) in BUILT_IN {
            let read = Format::read(name, text);
            assert!(read.text().lines().all(|line| !line.contains(": error ")), "{}", read.text());
            assert_eq!(read.format.unwrap().name, *name);
        }
    }

    #[test]
    fn every_file_is_built_in() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/formats");
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        let mut files: Vec<String> =
            files.filter_map(|file| file.to_str()?.strip_suffix(".toml").map(Into::into)).collect();
        let mut names: Vec<String> = BUILT_IN.iter().map(|(name, _)| (*name).into()).collect();
        files.sort();
        names.sort();
        assert_eq!(files, names);
    }
}
