//! What a diagnostic says: code, place, message, and what to do about it.

use std::fmt::{self, Write as _};

/// Declares the codes once: name, severity, meaning, and an example of the message.
macro_rules! codes {
    ($($code:ident $severity:ident $meaning:literal, $example:literal;)+) => {
        /// What is wrong with a description. Numbers are stable: they are only ever added to.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = $meaning] $code,)+
        }

        impl Code {
            /// Every code, in the order of its number.
            pub const ALL: &'static [Self] = &[$(Self::$code),+];

            /// The code as it is written: F and two digits.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$code => stringify!($code),)+
                }
            }

            /// How grave it is, unless it says otherwise itself.
            #[must_use]
            pub fn severity(self) -> Severity {
                match self {
                    $(Self::$code => Severity::$severity,)+
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

codes! {
    F01 Error "The file is not TOML", "TOML: duplicate key";
    F02 Error "A key that does not exist there", r#"unknown key "lenght" in a field"#;
    F03 Error "A key that must be there is not", r#"missing key "name" in a field"#;
    F04 Error "A value of another kind", r#""value" must be an integer, this is text"#;
    F05 Error "Written for a newer program", "written for language 3, this program reads up to 1";
    F06 Error "A key that belongs to another role or type", r#""counts" belongs to role "length""#;
    F07 Error "More than there may be", "70 fields, more than 64";
    F08 Error "No name", r#""VNI" is no name of a field"#;
    F09 Error "A word that is none of those it may be", r#"unknown packet kind "ipv4""#;
    F10 Error "Unknown type", r#"unknown type "uint16""#;
    F11 Error "Unknown role", r#"unknown role "size""#;
    F12 Error "A name given twice", r#"the name "flags" is taken (line 4)"#;
    F13 Error "A value that does not fit", "300 does not fit u8";
    F14 Error "A byte order where there are no whole bytes",
        r#""little" needs whole bytes on a byte boundary, "flags" has 4 bits"#;
    F15 Error "A field that needs whole bytes starts inside one",
        r#""vni" starts in the middle of a byte: 3 bits before it are missing"#;
    F16 Error "The list ends inside a byte",
        "the list ends in the middle of a byte: 3 bits before its end are missing";
    F17 Error "A bit field in too many bytes",
        r#""x" touches 5 bytes, a bit field may touch 4"#;
    F18 Error "A condition or a range begins or ends inside a byte",
        "a condition begins inside the byte at offset 2";
    F19 Error "A value that cannot be read", r#"cannot read the Ethernet address "12:34""#;
    F20 Error "A role, type or cipher lacks a key", r#"the role "length" needs "counts""#;
    F21 Error "A range that runs backwards", r#"the range "b..a" runs backwards"#;
    F22 Error "A range names no field", r#"no field "cyphertext" to count"#;
    F23 Warning "A length too narrow for usual packets",
        "u8 counts at most 255 × 1 bytes, a packet may have 1500";
    F24 Warning "A length whose unit most packets are no multiple of",
        r#""length" counts the packet in units of 4 bytes, so that most packets cannot be sent"#;
    F25 Error "Checksums, or a checksum and the tag, that depend on each other",
        r#""sum" and "check" cover each other"#;
    F26 Error "A list without fields", "the list of fields is empty";
    F27 Error "The same number or kind twice", r#"4 stands twice in "names""#;
    F28 Error "A role that the field's type cannot have",
        r#"the role "tag" needs 16 bytes, "tag" has 12"#;
    F29 Error "What the element of a list cannot have",
        r#"the element of a list cannot have a field of type "packet""#;
    F30 Error "A condition that cannot be read", r#"cannot read the condition "type == 4""#;
    F31 Error "A condition, size or nonce names nothing", r#"no field or setting "flgs""#;
    F32 Error "A condition on a field that stands behind",
        r#""type" stands after "receiver" and cannot decide about it"#;
    F33 Error "A condition on a field that is filled by a role",
        r#""type" is filled by a role and cannot decide about "receiver""#;
    F34 Error "A condition that never holds",
        r#"the condition can never hold: "type = 1 & type = 2""#;
    F35 Error "Too many combinations of conditions",
        "the conditions have more than 4096 combinations";
    F36 Error "A number is needed, and this is none",
        r#"a condition compares a number, but "cookie" is bytes"#;
    F40 Error "Two fields would take the rest",
        r#""options" and "packet" would both take the rest of the datagram"#;
    F41 Error "A list's field without an end", r#"no length counts "data" of the list "option""#;
    F42 Note "A list that cannot be empty", r#""option" can never be empty, so nothing can be sent"#;
    F43 Error "An end that depends on a field behind",
        r#"the end of "options" depends on "flag", which stands behind it"#;
    F44 Error "Padding away from the packet",
        r#""padding" must stand straight behind the packet"#;
    F50 Error "No packet, or not what the top key `packet` says",
        r#"no field has type "packet", so this can only be decoded"#;
    F51 Error "Several kinds of packet that nothing tells apart",
        r#"`packet` lists two kinds but no field has role "next""#;
    F52 Error "A kind of packet without a number", r#"the table has no number for "ipv6""#;
    F53 Error "A cipher that leaves the packet out",
        r#"the cipher must cover the packet; "a..b" does not"#;
    F54 Error "No tag, or one that is not of use",
        r#"AEAD_AES_256_GCM needs a field with role "tag""#;
    F55 Error "A nonce that is not of 12 bytes", "the nonce has 8 bytes";
    F56 Error "A part of the nonce that a receiver cannot read in time",
        r#"the nonce part "counter" is enciphered itself"#;
    F57 Error "Unknown cipher", r#"unknown cipher "aes-gcm""#;
    F58 Error "A second packet", r#""inner" is a second field of type "packet""#;
    F59 Error "A part of the nonce that cannot be one",
        r#"the nonce part "flags" has 4 bits, not whole bytes"#;
    F60 Error "No carrier", "no carrier";
    F61 Error "Frames without an end on TCP", "on TCP nothing says where a frame ends";
    F62 Error "Another type for the same name in another format",
        r#""crapvpn.magic" is bytes here and u32 in formats/other.toml"#;
    F63 Error "Associated data that is not yet known, or enciphered",
        r#"the associated data must not hold "frame", which is enciphered"#;
    F64 Error "A checksum over a part of what is enciphered",
        r#""sum" covers only a part of what is enciphered"#;
}

/// How grave a diagnostic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The description cannot be used.
    Error,
    /// It can be used, but hardly as it was meant.
    Warning,
    /// Worth knowing.
    Note,
}

impl Severity {
    /// The word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// One thing found in a description. Its texts are harmless: control characters in them are
/// escaped. It is written out by [`Display`](fmt::Display).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// What it is about.
    pub code: Code,
    /// How grave it is.
    pub severity: Severity,
    /// The file's name, as given.
    pub file: String,
    /// Where; nothing if it is about the file as a whole.
    pub place: Option<Place>,
    /// What is wrong.
    pub message: String,
    /// All that could stand there.
    pub expected: Option<String>,
    /// What to do.
    pub hint: Option<String>,
    /// Other lines that have to do with it.
    pub related: Vec<Related>,
}

/// A place in a file: part of one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The line, from 1.
    pub line: usize,
    /// The first character in the line, from 1.
    pub column: usize,
    /// The character behind the last one, from 1; at least one more than `column`.
    pub end: usize,
    /// The line, or the part of a long one around the place, fit to be shown.
    pub excerpt: String,
    /// Columns of the screen before the place in the excerpt.
    pub indent: usize,
    /// Columns of the screen that the place takes in the excerpt, at least one.
    pub width: usize,
}

/// Another line that has to do with a diagnostic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Related {
    /// The line, from 1.
    pub line: usize,
    /// What is there.
    pub message: String,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.file)?;
        if let Some(place) = &self.place {
            write!(out, ":{}:{}", place.line, place.column)?;
        }
        writeln!(out, ": {} {}: {}", self.severity.name(), self.code.name(), self.message)?;
        if let Some(Place { line, excerpt, indent, width, .. }) = &self.place {
            let line = line.to_string();
            writeln!(out, "  {line} |{excerpt}")?;
            writeln!(out, "  {:gutter$} |{:indent$}{:^<width$}", "", "", "", gutter = line.len())?;
        }
        for Related { line, message } in &self.related {
            if !self.message.contains(&format!("(line {line})")) {
                writeln!(out, "  line {line}: {message}")?;
            }
        }
        if let Some(expected) = &self.expected {
            writeln!(out, "  expected: {expected}")?;
        }
        if let Some(hint) = &self.hint {
            writeln!(out, "  hint: {hint}")?;
        }
        Ok(())
    }
}

/// A Markdown table of every code: meaning, and an example of the message.
#[must_use]
pub fn error_reference() -> String {
    let mut table = String::from("| code | | meaning | message, for example |\n|--|--|--|--|\n");
    for code in Code::ALL {
        let (name, severity) = (code.name(), code.severity().name());
        let example = code.example().replace('|', "\\|");
        let _ = writeln!(table, "| {name} | {severity} | {} | {example} |", code.meaning());
    }
    table
}
