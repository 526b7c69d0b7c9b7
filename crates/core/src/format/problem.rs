//! Why a format cannot run as it was asked to: code, message, and what to do about it.

use super::literal::{LiteralError, uint_range};
use super::{Algorithm, Format, MAX_FIXED_BYTES, MIN_NONCE_COUNTER_BITS, Setting, SettingKind};
use crate::cipher::derive::SHARED_KEY_BYTES;
use std::fmt::{self, Write as _};

/// Declares the codes once: name, meaning, and an example of the message.
macro_rules! codes {
    ($($code:ident $meaning:literal, $example:literal;)+) => {
        /// What keeps a format from running. Numbers are stable: they are only ever added to.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum RunCode {
            $(#[doc = $meaning] $code,)+
        }

        impl RunCode {
            /// Every code, in the order of its number.
            pub const ALL: &'static [Self] = &[$(Self::$code),+];

            /// The code as it is written: R and two digits.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$code => stringify!($code),)+
                }
            }

            /// What it means, in a few words.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Self::$code => $meaning,)+
                }
            }

            /// How its message may read.
            #[must_use]
            pub fn example(self) -> &'static str {
                match self {
                    $(Self::$code => $example,)+
                }
            }
        }
    };
}

// R09 stood for ciphers that did not run yet.
codes! {
    R01 "A field or setting has no value yet", r#""vni" must be set: --set vni=0..16777215"#;
    R02 "The description says that it can only be decoded",
        "decode only: keys and indexes come from the Noise handshake";
    R03 "The same key for both directions",
        "the same key in both directions would repeat nonces";
    R04 "A nonce that would repeat under the same key",
        "\"sequence\" has 32 bits: after a restart it would repeat nonces";
    R05 "Nothing that would be sent carries a packet",
        r#"no field has type "packet": this can only be decoded"#;
    R06 "A name that the format does not have", r#"no field or setting "vnid" in "vxlan""#;
    R07 "A value that does not fit or is not allowed", "vni: 16777216 does not fit u24";
    R08 "A field that its role fills; or a setting, by `--expect`",
        "length is filled by its role and cannot be set";
    R10 "A kind of packet that the format does not carry",
        r#""crapvpn" carries no packets of kind "ethernet""#;
    R11 "A field under a condition that can be fulfilled in several ways, or not at all",
        r#""seq_number" is not there unless flags.e or flags.s or flags.pn: set what it takes, too"#;
    R12 "A list of at least one element, which nobody sends",
        r#""label" can never be empty, so nothing can be sent"#;
    R13 "A cipher without a key", r#""crapvpn" enciphers, but the key is empty"#;
    R14 "More bytes in front of and behind the packet than there may be",
        "the fields have 300 bytes, more than 255";
    R15 "A length too narrow for what it always counts", r#""size" counts 20 bytes, u4 at most 15"#;
    R16 "A length whose unit never divides what it counts",
        r#""size" counts 3 bytes, never a multiple of 4: nothing can be sent"#;
    R17 "A key that is not of the cipher's length",
        "AEAD_AES_128_GCM has keys of 16 bytes, this one has 5";
    R18 "Derived keys, and no word on which end this is",
        r#""crapvpn-aead" must know which end this is"#;
    R19 "A clock that says a time before this program was made",
        "the clock is wrong: counters begin at its time, and would repeat nonces";
}

/// Why a format cannot run as it was asked to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunProblem {
    /// What it is about.
    pub code: RunCode,
    /// What is wrong.
    pub message: String,
    /// What to do, if there is something.
    pub hint: Option<String>,
}

/// A Markdown table of every code: meaning, and an example of the message.
#[must_use]
pub fn run_problem_reference() -> String {
    let mut table = String::from("| code | meaning | message, for example |\n|--|--|--|\n");
    for code in RunCode::ALL {
        let _ = writeln!(table, "| {} | {} | {} |", code.name(), code.meaning(), code.example());
    }
    table
}

impl fmt::Display for RunProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.hint {
            None => f.write_str(&self.message),
            Some(hint) => write!(f, "{}: {hint}", self.message),
        }
    }
}

impl RunProblem {
    pub(super) fn new(code: RunCode, message: String) -> Self {
        Self { code, message, hint: None }
    }

    pub(super) fn must_be_set(format: &Format, place: usize) -> Self {
        let field = format.fields.get(place);
        let name = field.map(|field| field.name.as_str()).unwrap_or_default();
        let range = field.map(|field| format.literal_range(field)).unwrap_or_default();
        Self {
            code: RunCode::R01,
            message: format!("\"{name}\" must be set"),
            hint: Some(format!("--set {name}={range}")),
        }
    }

    pub(super) fn setting_must_be_set(setting: &Setting) -> Self {
        let values: Vec<String> = setting.values.iter().map(ToString::to_string).collect();
        let range = match setting.kind {
            _ if !values.is_empty() => values.join("|"),
            SettingKind::Uint { bits } => uint_range(bits),
            SettingKind::Bytes { size } => format!("0x… ({size} bytes)"),
        };
        Self {
            code: RunCode::R01,
            message: format!("\"{}\" must be set", setting.name),
            hint: Some(format!("--set {}={range}", setting.name)),
        }
    }

    pub(super) fn too_many_bytes(bytes: usize) -> Self {
        let message = format!("the fields have {bytes} bytes, more than {MAX_FIXED_BYTES}");
        Self::new(RunCode::R14, message)
    }

    pub(super) fn length_too_narrow(name: &str, counted: usize, bits: usize, most: usize) -> Self {
        let message = format!("\"{name}\" counts {counted} bytes, u{bits} at most {most}");
        Self::new(RunCode::R15, message)
    }

    pub(super) fn unit_never_divides(name: &str, counted: usize, unit: usize) -> Self {
        let message = format!(
            "\"{name}\" counts {counted} bytes, never a multiple of {unit}: nothing can be sent"
        );
        Self::new(RunCode::R16, message)
    }

    pub(super) fn list_never_empty(name: &str) -> Self {
        Self::new(RunCode::R12, format!("\"{name}\" can never be empty, so nothing can be sent"))
    }

    pub(super) fn no_packet(format: &Format) -> Self {
        match format.packet_place().and_then(|place| format.fields.get(place)) {
            None => Self::new(
                RunCode::R05,
                "no field has type \"packet\": this can only be decoded".into(),
            ),
            Some(packet) => {
                let when = packet.when.text(format, &format.fields);
                Self::new(
                    RunCode::R05,
                    format!(
                        "there is no packet in what would be sent: \"{}\" is there only if {when}",
                        packet.name
                    ),
                )
            }
        }
    }

    pub(super) fn no_key(format: &Format) -> Self {
        Self::new(RunCode::R13, format!("\"{}\" enciphers, but the key is empty", format.name))
    }

    pub(super) fn no_receive_key(format: &Format) -> Self {
        Self {
            hint: Some("--send-key and --receive-key, at the other end the other way round".into()),
            ..Self::new(RunCode::R13, format!("\"{}\" needs a key for each direction", format.name))
        }
    }

    pub(super) fn wrong_key(algorithm: Algorithm, found: usize) -> Self {
        let bytes = algorithm.key_bytes().unwrap_or_default();
        let name = algorithm.name();
        let message = format!("{name} has keys of {bytes} bytes, this one has {found}");
        Self::new(RunCode::R17, message)
    }

    pub(super) fn wrong_shared_key(format: &Format, found: usize) -> Self {
        let message = format!(
            "\"{}\" has a key of {SHARED_KEY_BYTES} bytes, this one has {found}",
            format.name
        );
        Self { hint: Some("crapvpn keygen makes one".into()), ..Self::new(RunCode::R17, message) }
    }

    pub(super) fn same_key() -> Self {
        let message = "the same key in both directions would repeat nonces".into();
        Self { hint: Some("give two".into()), ..Self::new(RunCode::R03, message) }
    }

    pub(super) fn narrow_counter(name: &str, bits: usize) -> Self {
        let message = format!("\"{name}\" has {bits} bits: after a restart it would repeat nonces");
        Self {
            hint: Some(format!("a counter in the nonce of {MIN_NONCE_COUNTER_BITS} bits or more")),
            ..Self::new(RunCode::R04, message)
        }
    }

    pub(super) fn no_nonce_counter() -> Self {
        let message = "nothing in the nonce counts, so it would repeat".into();
        Self {
            hint: Some(format!("a counter in the nonce of {MIN_NONCE_COUNTER_BITS} bits or more")),
            ..Self::new(RunCode::R04, message)
        }
    }

    pub(super) fn no_end(format: &Format) -> Self {
        Self {
            hint: Some("--role a here and --role b at the other end".into()),
            ..Self::new(RunCode::R18, format!("\"{}\" must know which end this is", format.name))
        }
    }

    pub(super) fn wrong_clock() -> Self {
        let message = "the clock is wrong: counters begin at its time, and would repeat nonces";
        Self { hint: Some("set the clock".into()), ..Self::new(RunCode::R19, message.into()) }
    }

    pub(super) fn value(name: &str, error: &LiteralError) -> Self {
        Self {
            code: RunCode::R07,
            message: format!("{name}: {}", error.message),
            hint: Some(error.expected.clone()),
        }
    }

    pub(super) fn not_settable(name: &str) -> Self {
        Self::new(RunCode::R08, format!("{name} is filled by its role and cannot be set"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::{Assignments, Codec, PacketKind, Secrets};

    const ONLY_BYTES: &str = r#"
name = "bytes"
carrier = { udp = 9 }
fields = [{ name = "rest", type = "bytes" }]
"#;
    const LABEL_STACK: &str = r#"
name = "labels"
carrier = { udp = 9 }
packet = "ip"
fields = [
  { name = "label", type = "list", until = "last", fields = [{ name = "last", type = "u8" }] },
  { name = "packet", type = "packet" },
]
"#;

    const MANY_BYTES: &str = r#"
name = "many"
carrier = { udp = 9 }
packet = "ip"
settings = [{ name = "n", type = "u16" }]
fields = [
  { name = "a", type = "bytes", size = "n", value = "0x00" },
  { name = "packet", type = "packet" },
]
"#;
    const NARROW: &str = r#"
name = "narrow"
carrier = { udp = 9 }
packet = "ip"
fields = [
  { name = "size", type = "u4", role = "length", counts = "a" },
  { name = "rest", type = "u4", value = 0 },
  { name = "a", type = "bytes", value = "twenty characters ab" },
  { name = "packet", type = "packet" },
]
"#;
    const NARROW_COUNTER: &str = r#"
name = "narrow"
carrier = { udp = 9 }
packet = "ip"
cipher = { name = "AEAD_AES_128_GCM", nonce = ["0x0000000000000000", "sequence"] }
fields = [
  { name = "sequence", type = "u32", role = "counter" },
  { name = "packet", type = "packet" },
  { name = "tag", type = "bytes", role = "tag" },
]
"#;
    const NEVER: &str = r#"
name = "never"
carrier = { udp = 9 }
packet = "ip"
fields = [
  { name = "size", type = "u8", role = "length", counts = "a", unit = 4 },
  { name = "a", type = "bytes", value = "abc" },
  { name = "packet", type = "packet" },
]
"#;

    #[test]
    fn every_example_is_a_message() {
        for code in RunCode::ALL {
            let problems = match code {
                RunCode::R01 => run("vxlan-gpe", PacketKind::Ip),
                RunCode::R02 => run("wireguard-data", PacketKind::Ip),
                RunCode::R03 => keyed("esp-udp", &[1; 16], &[1; 16], 0),
                RunCode::R04 => run(NARROW_COUNTER, PacketKind::Ip),
                RunCode::R17 => keyed("esp-udp", &[1; 5], &[2; 16], 0),
                RunCode::R18 => keyed("crapvpn-aead", &[1; 32], &[], 0),
                RunCode::R19 => keyed("esp-udp", &[1; 16], &[2; 16], 1_600_000_000_000_000),
                RunCode::R05 => run(ONLY_BYTES, PacketKind::Ip),
                RunCode::R06 => given("vxlan", &[("vnid", "7")]),
                RunCode::R07 => given("vxlan", &[("vni", "16777216")]),
                RunCode::R08 => given("gtpu", &[("length", "7")]),
                RunCode::R10 => run("crapvpn", PacketKind::Ethernet),
                RunCode::R11 => given("gtpu", &[("seq_number", "7")]),
                RunCode::R12 => run(LABEL_STACK, PacketKind::Ip),
                RunCode::R13 => {
                    let crapvpn = format("crapvpn");
                    Codec::compile(&crapvpn, PacketKind::Ip, Secrets::default()).unwrap_err()
                }
                RunCode::R14 => {
                    let many = format(MANY_BYTES).with(&[("n", "300")], &[]).unwrap();
                    many.run_problems(PacketKind::Ip)
                }
                RunCode::R15 => run(NARROW, PacketKind::Ip),
                RunCode::R16 => run(NEVER, PacketKind::Ip),
            };
            let found = problems.iter().find(|problem| problem.code == *code);
            let text = found.map(ToString::to_string).unwrap_or_default();
            assert!(text.starts_with(code.example()), "{}: {problems:?}", code.name());
        }
    }

    /// A built-in format, or one that is described here.
    fn format(text: &str) -> Format {
        Format::built_in(text).or_else(|| Format::read("x.toml", text).format).unwrap()
    }

    fn run(text: &str, packet: PacketKind) -> Vec<RunProblem> {
        format(text).run_problems(packet)
    }

    fn keyed(name: &str, key: &[u8], receive_key: &[u8], now_us: u64) -> Vec<RunProblem> {
        let set: &[_] =
            if name == "esp-udp" { &[("spi", "7"), ("salt", "0x01020304")] } else { &[] };
        let format = format(name).with(set, &[]).unwrap();
        let secrets = Secrets { key, receive_key, now_us, ..Secrets::default() };
        Codec::compile(&format, PacketKind::Ip, secrets).unwrap_err()
    }

    #[test]
    fn a_nonce_that_nothing_counts_in_does_not_run() {
        let text = NARROW_COUNTER.replace(r#""sequence"]"#, r#""0x00000000"]"#);
        let problem = &run(&text, PacketKind::Ip)[0];
        assert_eq!(problem.code, RunCode::R04);
        assert!(problem.message.starts_with("nothing in the nonce counts"));
    }

    #[test]
    fn a_missing_key_is_told_for_what_it_is() {
        for (name, key) in [("crapvpn-aead", &[][..]), ("esp-udp", &[1; 16])] {
            let problem = &keyed(name, key, &[], 0)[0];
            assert!([RunCode::R13, RunCode::R18].contains(&problem.code), "{problem:?}");
        }
    }

    fn given(text: &str, set: Assignments<'_>) -> Vec<RunProblem> {
        format(text).with(set, &[]).unwrap_err()
    }
}
