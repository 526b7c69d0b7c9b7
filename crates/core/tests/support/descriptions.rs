//! Descriptions made up for tests: sound ones that can run, sound ones that can at least be
//! decoded, and ones that are nearly right.
//!
//! A description is made from a number alone, so that a failure is found again by that number.

use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng};
use std::fmt::{Display, Write};

/// Descriptions without errors that can run once their fields without value are given: no
/// `decode_only`, no list that is not empty, one kind of packet.
pub(crate) fn runnable_description() -> impl Strategy<Value = String> {
    any::<u64>().prop_map(runnable)
}

/// Descriptions without errors, of every feature.
pub(crate) fn valid_description() -> impl Strategy<Value = String> {
    any::<u64>().prop_map(valid)
}

/// Valid descriptions of which something was deleted, swapped, doubled or changed.
pub(crate) fn nearly_valid_description() -> impl Strategy<Value = String> {
    (any::<u64>(), any::<u64>(), 1..4usize).prop_map(|(seed, mutations, count)| {
        let mut chance = Chance::new(mutations);
        (0..count).fold(valid(seed), |text, _| mutated(&text, &mut chance))
    })
}

/// The runnable description of this number.
pub(crate) fn runnable(seed: u64) -> String {
    Writer { chance: Chance::new(seed), runs: true, ..Writer::default() }.description()
}

/// The valid description of this number.
pub(crate) fn valid(seed: u64) -> String {
    Writer { chance: Chance::new(seed), runs: false, ..Writer::default() }.description()
}

/// Chance from a number.
struct Chance(TestRng);

impl Chance {
    fn new(seed: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        Self(TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
    }

    /// A number below `end`.
    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.0.next_u64() % end.max(1) as u64).unwrap()
    }

    /// A number of so many bits, often one at an edge.
    fn number(&mut self, bits: usize) -> u64 {
        let most = u64::MAX >> (64 - bits);
        match self.below(4) {
            0 => 0,
            1 => most,
            2 => 1,
            _ => self.0.next_u64() & most,
        }
    }

    /// Whether something happens that happens once in `times`.
    fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    fn of<'w>(&mut self, words: &[&'w str]) -> &'w str {
        words[self.below(words.len())]
    }
}

impl Default for Chance {
    fn default() -> Self {
        Self::new(0)
    }
}

/// A field that a condition may test: its name and width.
type Tested = (String, usize);

#[derive(Default)]
#[allow(clippy::struct_excessive_bools, reason = "each says one thing that was chosen")]
struct Writer {
    chance: Chance,
    /// Whether it must be able to run.
    runs: bool,
    /// Lines of the list of fields.
    lines: Vec<String>,
    /// Fields so far.
    count: usize,
    /// What conditions may test here.
    tested: Vec<Tested>,
    /// Fields of blocks, which may be absent. Only a field in no block tests one of them.
    sometimes: Vec<Tested>,
    /// Conditions so far.
    conditions: usize,
    /// The kind of packet.
    ethernet: bool,
    /// Whether a checksum covers the packet alone.
    sums_packet: bool,
    /// Whether padding stands behind the packet.
    padded: bool,
}

impl Writer {
    fn description(mut self) -> String {
        self.ethernet = self.chance.once_in(2);
        let aead = self.chance.once_in(3);
        let framed = self.chance.once_in(3);
        let mut nonce = None;
        if framed {
            // A length that a TCP stream can be cut by.
            let line = r#"{ name = "frame_length", type = "u32", role = "length", counts = "..", "#;
            let line = format!("{line}endian = \"{}\" }}", self.chance.of(&["big", "little"]));
            self.push(line);
        } else if self.chance.once_in(3) {
            let value = self.chance.of(&["crap", "0x63 72 61 70", "漢字"]);
            self.push(format!(r#"{{ name = "magic", type = "bytes", value = "{value}" }}"#));
        }
        for _ in 0..self.chance.below(4) {
            self.header_part(0);
        }
        if aead {
            self.push(r#"{ name = "sequence", type = "u64", role = "counter" }"#);
            let nonces = [r#"["0x00000000", "sequence"]"#, r#"["sequence:big", "0x00000000"]"#];
            nonce = Some(self.chance.of(&nonces));
        }
        if !self.runs && self.chance.once_in(3) {
            self.list();
        }
        if self.chance.once_in(3) {
            self.next();
        }
        if self.chance.once_in(2) {
            let counts = self.chance.of(&["packet", "packet..", ".."]);
            let unit = if counts == "packet" && self.chance.once_in(8) { ", unit = 2" } else { "" };
            let bits = self.chance.of(&["u16", "u24", "u32"]);
            self.push(format!(
                r#"{{ name = "size", type = "{bits}", role = "length", counts = "{counts}"{unit} }}"#
            ));
        }
        if self.chance.once_in(4) {
            let (bits, algorithm) =
                if self.chance.once_in(2) { ("u16", "internet") } else { ("u32", "crc32") };
            let covers = match self.chance.below(3) {
                0 => {
                    self.sums_packet = true;
                    r#", covers = "packet""#
                }
                1 if !aead => r#", covers = "..""#,
                _ => "",
            };
            self.push(format!(
                r#"{{ name = "sum", type = "{bits}", role = "checksum", algorithm = "{algorithm}"{covers} }}"#
            ));
        }
        self.packet(aead);
        self.text(aead, framed, nonce)
    }

    fn packet(&mut self, aead: bool) {
        let flag = self.tested.iter().position(|(_, bits)| *bits == 8);
        let in_block = !self.runs && !aead && flag.is_some() && self.chance.once_in(3);
        if in_block {
            let (name, _) = self.tested[flag.unwrap_or_default()].clone();
            self.push(format!(r#"{{ name = "packet", type = "packet", when = "{name} = 7" }}"#));
            self.push(format!(r#"{{ name = "body", type = "bytes", when = "{name} != 7" }}"#));
            return;
        }
        self.push(r#"{ name = "packet", type = "packet" }"#);
        if !self.ethernet && !self.sums_packet && self.chance.once_in(4) {
            self.padded = true;
            self.push(r#"{ name = "padding", type = "padding", multiple = 16 }"#);
        }
        if aead {
            self.push(r#"{ name = "tag", type = "bytes", role = "tag" }"#);
        }
        for _ in 0..self.chance.below(3) {
            self.aligned(true);
        }
    }

    /// Some fields of the header: whole bytes, bits, or a block.
    fn header_part(&mut self, depth: usize) {
        match self.chance.below(6) {
            0 | 1 => self.aligned(depth == 0),
            2 | 3 => self.bits(),
            4 if depth < 3 && self.may_test() => {
                let before = self.tested.clone();
                let when = self.condition();
                self.lines.push(format!("{{ when = {when}, fields = ["));
                // What a block tests is not tested in it again: the two might exclude each other.
                let names = |name: &str, end: &str| when.contains(&format!("{name}{end}"));
                self.tested.retain(|(name, _)| !names(name, " ") && !names(name, "\""));
                for _ in 0..=self.chance.below(2) {
                    self.header_part(depth + 1);
                }
                let inside = std::mem::replace(&mut self.tested, before);
                self.sometimes
                    .extend(inside.into_iter().filter(|field| !self.tested.contains(field)));
                self.lines.push("] },".into());
            }
            _ => {
                let name = self.name("flag");
                let value = self.chance.below(3);
                self.push(format!(r#"{{ name = "{name}", type = "u8", value = {value} }}"#));
                self.tested.push((name, 8));
            }
        }
    }

    /// Whether there is something to test, and not yet too many combinations.
    fn may_test(&self) -> bool {
        !self.tested.is_empty() && self.conditions < 5
    }

    /// A condition on what stands before.
    fn condition(&mut self) -> String {
        let tested = self.tested.clone();
        self.condition_on(&tested)
    }

    fn condition_on(&mut self, tested: &[Tested]) -> String {
        self.conditions += 1;
        let text = |writer: &mut Self| {
            let (name, bits) = tested[writer.chance.below(tested.len())].clone();
            let number = writer.chance.number(bits);
            match writer.chance.below(4) {
                0 => format!("\"{name}\""),
                1 => format!("\"!{name}\""),
                2 => format!("\"{name} = {number}\""),
                _ => format!("\"{name} != {number}\""),
            }
        };
        if self.chance.once_in(4) {
            format!("[{}, {}]", text(self), text(self))
        } else {
            text(self)
        }
    }

    /// A field of whole bytes.
    fn aligned(&mut self, in_no_block: bool) {
        let name = self.name("field");
        let line = match self.chance.below(9) {
            0 => {
                format!(r#"type = "mac", value = "02:00:00:00:00:{:02x}""#, self.chance.below(256))
            }
            1 => format!(r#"type = "ipv4", value = "192.0.2.{}""#, self.chance.below(256)),
            2 => r#"type = "ipv6", value = "2001:db8::1""#.into(),
            3 => format!(r#"type = "bytes", size = {}"#, 1 + self.chance.below(9)),
            4 => r#"type = "text", size = 8, value = "text""#.into(),
            5 => format!(r#"type = "bytes", size = {}, role = "random""#, 1 + self.chance.below(9)),
            _ => {
                let bits = 8 * (1 + self.chance.below(8));
                let mut line = format!(r#"type = "u{bits}""#);
                match self.chance.below(5) {
                    0 => line.push_str(r#", role = "counter""#),
                    1 => line.push_str(r#", role = "random""#),
                    2 => {}
                    _ => {
                        let _ = write!(line, ", value = {:#x}", self.chance.number(bits));
                        if self.chance.once_in(2) {
                            line.push_str(r#", accept = "any""#);
                        }
                        if self.chance.once_in(3) {
                            line.push_str(r#", names = { 0 = "None", 0x1 = "One" }"#);
                        }
                    }
                }
                if self.chance.once_in(4) {
                    line.push_str(r#", endian = "little""#);
                }
                line
            }
        };
        let when = if !self.may_test() || !self.chance.once_in(4) {
            String::new()
        } else if in_no_block && !self.sometimes.is_empty() && self.chance.once_in(2) {
            let sometimes = self.sometimes.clone();
            format!(", when = {}", self.condition_on(&sometimes))
        } else {
            format!(", when = {}", self.condition())
        };
        self.push(format!(r#"{{ name = "{name}", {line}{when} }}"#));
    }

    /// Fields of bits that make whole bytes together.
    fn bits(&mut self) {
        let mut left = 8 * (1 + self.chance.below(4));
        while left > 0 {
            let bits = 1 + self.chance.below(left.min(24));
            let name = self.name("bits");
            let accept = if self.chance.once_in(2) { r#", accept = "any""# } else { "" };
            let value = match self.chance.below(3) {
                0 => String::new(),
                _ => format!(", value = {}", self.chance.number(bits)),
            };
            self.push(format!(r#"{{ name = "{name}", type = "u{bits}"{value}{accept} }}"#));
            self.tested.push((name, bits));
            left -= bits;
        }
    }

    fn list(&mut self) {
        let name = self.name("option");
        self.push(format!(
            r#"{{ name = "{name}_length", type = "u8", role = "length", counts = "{name}", unit = 4 }}"#
        ));
        let until = if self.chance.once_in(2) { r#", until = "last""# } else { "" };
        let element = r#"{ name = "type", type = "u7" }, { name = "last", type = "u1" }"#;
        let data = r#"{ name = "length", type = "u8", role = "length", counts = ".." }"#;
        let data = format!(r#"{data}, {{ name = "data", type = "bytes" }}"#);
        self.push(format!(
            r#"{{ name = "{name}", type = "list"{until}, fields = [ {element}, {data} ] }}"#
        ));
    }

    fn next(&mut self) {
        let (bits, table) = match (self.chance.below(3), self.ethernet) {
            (0, _) => ("u16", r#""ethertype""#),
            (1, _) => ("u8", r#""ip_protocol""#),
            (_, true) => ("u8", r#"{ 3 = "ethernet" }"#),
            (_, false) => ("u8", r#"{ 1 = "ipv4", 0x2 = "ipv6" }"#),
        };
        let otherwise = self.chance.of(&["", r#", otherwise = "look""#, r#", otherwise = "drop""#]);
        self.push(format!(
            r#"{{ name = "protocol", type = "{bits}", role = "next", table = {table}{otherwise} }}"#
        ));
    }

    fn name(&mut self, stem: &str) -> String {
        let joint = self.chance.of(&["_", "."]);
        let number = self.count;
        format!("{stem}{joint}n{number}")
    }

    fn push(&mut self, field: impl Display) {
        self.count += 1;
        self.lines.push(format!("{field},"));
    }

    fn text(mut self, aead: bool, framed: bool, nonce: Option<&str>) -> String {
        let mut text = String::from("language = 1\nname = \"made-up\"\n");
        let carrier = if framed { "{ udp = 1000, tcp = [] }" } else { "{ udp = [1000, 1001] }" };
        let packet = if self.ethernet { "ethernet" } else { "ip" };
        let _ = writeln!(text, "carrier = {carrier}\npacket = \"{packet}\"");
        if self.chance.once_in(3) {
            text.push_str("title = \"Made \\\"up\\\" | <b>\"\nendian = \"little\"\n");
        }
        // Padding is a part of what is enciphered.
        let covers = if self.padded { r#", covers = "packet..padding""# } else { "" };
        match nonce.filter(|_| aead) {
            Some(nonce) => {
                let name = self.chance.of(&["AEAD_AES_128_GCM", "AEAD_CHACHA20_POLY1305"]);
                let ad = self.chance.of(&["", r#", ad = "sequence""#, r#", ad = "..sequence""#]);
                let keys = self.chance.of(&["", r#", keys = "given""#, r#", keys = "derived""#]);
                let words = format!("name = \"{name}\", nonce = {nonce}{covers}{ad}{keys}");
                let _ = writeln!(text, "cipher = {{ {words} }}");
            }
            None if self.padded && self.chance.once_in(2) => {
                let _ = writeln!(text, "cipher = {{ name = \"xor\"{covers} }}");
            }
            None if self.padded => {}
            None if self.chance.once_in(2) => text.push_str("cipher = \"xor\"\n"),
            None => {}
        }
        text.push_str("fields = [\n");
        for line in &self.lines {
            let _ = writeln!(text, "  {line}");
        }
        text.push_str("]\n");
        text
    }
}

/// A text with one thing changed.
fn mutated(text: &str, chance: &mut Chance) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let place = chance.below(lines.len());
    match chance.below(7) {
        0 => drop(lines.remove(place)),
        1 => lines.insert(place, lines[place].clone()),
        2 => {
            let other = chance.below(lines.len());
            lines.swap(place, other);
        }
        3 => lines[place] = swapped_words(&lines[place], chance),
        4 => lines[place] = changed_number(&lines[place], chance),
        5 => {
            let keep = chance.below(lines[place].chars().count() + 1);
            lines[place] = lines[place].chars().take(keep).collect();
        }
        _ => {
            let strange =
                chance.of(&["\u{0}", "\u{202e}", "\"", "{", "]", "=", "é", "\\", "..", "&"]);
            let at = chance.below(lines[place].chars().count() + 1);
            let mut line: String = lines[place].chars().take(at).collect();
            line.push_str(strange);
            line.extend(lines[place].chars().skip(at));
            lines[place] = line;
        }
    }
    lines.join("\n")
}

fn swapped_words(line: &str, chance: &mut Chance) -> String {
    let mut words: Vec<&str> = line.split(' ').collect();
    let (one, other) = (chance.below(words.len()), chance.below(words.len()));
    words.swap(one, other);
    words.join(" ")
}

fn changed_number(line: &str, chance: &mut Chance) -> String {
    let number = chance.of(&["0", "-1", "7", "255", "65536", "18446744073709551616", "0x", "1.5"]);
    let digits = line.find(|digit: char| digit.is_ascii_digit());
    match digits {
        Some(start) => {
            let rest = line[start..].trim_start_matches(|digit: char| digit.is_ascii_digit());
            format!("{}{number}{rest}", &line[..start])
        }
        None => format!("{line} {number}"),
    }
}
