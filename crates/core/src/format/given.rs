//! What is given at run time: values of fields and settings, and what is missing to run.

use super::problem::{RunCode, RunProblem};
use super::shape::{self, Shape, Side};
use super::{
    Condition, Field, Format, Kind, Literal, PacketKind, Role, SettingKind, Size, Subject, Term,
};

/// Names and values, as `--set` and `--expect` have them.
pub type Assignments<'a> = &'a [(&'a str, &'a str)];

impl Format {
    /// The format with values given: what is sent and, where it differs, what is expected on
    /// receipt. A name may carry the format's name or `filter` and a point before it. Where a field
    /// is given that is there only under a condition, the flag that the condition names is set too,
    /// if that is the only way to fulfil it.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn with(
        &self,
        set: Assignments<'_>,
        expect: Assignments<'_>,
    ) -> Result<Self, Vec<RunProblem>> {
        let mut format = self.clone();
        let mut problems = Vec::new();
        let (mut given, mut expected) = (Vec::new(), Vec::new());
        // Settings first: the size of a field may be one, whatever the order they were given in.
        let is_field =
            |(name, _): &&(&str, &str)| matches!(self.named(name), Ok(Subject::Field(_)));
        let (fields, settings): (Vec<_>, Vec<_>) = set.iter().partition(is_field);
        for (name, value) in settings.into_iter().chain(fields) {
            match format.set(name, value) {
                Ok(subject) => given.push(subject),
                Err(problem) => problems.push(problem),
            }
        }
        for (name, value) in expect {
            match format.expect(name, value) {
                Ok(place) => expected.push(place),
                Err(problem) => problems.push(problem),
            }
        }
        for subject in given.clone() {
            let Subject::Field(place) = subject else { continue };
            problems.extend(format.fulfil(place, &mut given).err());
        }
        if problems.is_empty() {
            problems.extend(format.lost(&given));
            problems.extend(format.expected_nowhere(&expected));
        }
        if problems.is_empty() { Ok(format) } else { Err(problems) }
    }

    /// The format as somebody must have it to take what this one sends, whatever this one expects.
    #[must_use]
    pub(crate) fn taking_what_it_sends(&self) -> Self {
        let mut format = self.clone();
        for field in &mut format.fields {
            if let Role::Constant { expect, .. } | Role::Given { expect, .. } = &mut field.role {
                *expect = None;
            }
        }
        format
    }

    /// Everything that keeps the format from running with packets of a kind.
    #[must_use]
    pub fn run_problems(&self, packet: PacketKind) -> Vec<RunProblem> {
        if let Some(reason) = &self.decode_only {
            return vec![RunProblem::new(RunCode::R02, format!("decode only: {reason}"))];
        }
        let mut problems = Vec::new();
        if !self.packet.is_empty() && !self.packet.contains(&packet) {
            let name = packet.name();
            let message = format!("\"{}\" carries no packets of kind \"{name}\"", self.name);
            problems.push(RunProblem::new(RunCode::R10, message));
        }
        if let Some(cipher) = self.cipher.as_ref().filter(|cipher| cipher.algorithm.is_aead()) {
            let name = cipher.algorithm.name();
            problems.push(RunProblem::new(RunCode::R09, format!("{name} cannot run yet")));
        }
        for setting in self.settings.iter().filter(|setting| setting.value.is_none()) {
            problems.push(RunProblem::setting_must_be_set(setting));
        }
        let before = problems.len();
        for side in [Side::Send, Side::Receive] {
            if problems.len() == before {
                problems.extend(Shape::new(self, side).err().unwrap_or_default());
            }
        }
        problems
    }

    /// The most bytes that a datagram has more than its packet: head, padding and tail. Where a
    /// value is still to be given, the smallest counts that leads to a packet. Nothing if the bytes
    /// depend on a value that is not known, or if no packet is sent.
    #[must_use]
    pub fn overhead(&self) -> Option<usize> {
        [0, 1].into_iter().find_map(|number| {
            let format = self.filled(number)?;
            let shape = Shape::new(&format, Side::Send).ok()?;
            Some(shape.overhead(&format))
        })
    }

    /// The format with a number wherever one is still to be given, and zeros where bytes are.
    /// Nothing if a size is.
    fn filled(&self, number: u64) -> Option<Self> {
        let mut format = self.clone();
        for (place, setting) in format.settings.iter_mut().enumerate() {
            if setting.value.is_some() {
                continue;
            }
            if self.fields.iter().any(|field| field.is_sized_by(place)) {
                return None;
            }
            setting.value = Some(match setting.kind {
                SettingKind::Uint { .. } => Literal::Number(number),
                SettingKind::Bytes { size } => Literal::Bytes(vec![0; size]),
            });
        }
        for (field, bits) in
            format.fields.iter_mut().zip(self.fields.iter().map(|field| self.fixed_bits(field)))
        {
            if let (Role::Given { value: value @ None, .. }, Some(bits)) = (&mut field.role, bits) {
                *value = Some(match field.kind {
                    Kind::Uint { .. } => Literal::Number(number),
                    _ => Literal::Bytes(vec![0; bits / 8]),
                });
            }
        }
        Some(format)
    }

    /// The place of the subject with this name, with or without the format's before it.
    fn named(&self, name: &str) -> Result<Subject, RunProblem> {
        let find = |name: &str| {
            let setting = self.settings.iter().position(|setting| setting.name == name);
            self.field_place(name).map(Subject::Field).or(setting.map(Subject::Setting))
        };
        let bare = [&self.name, &self.filter].into_iter().find_map(|prefix| {
            name.strip_prefix(prefix.as_str()).and_then(|rest| rest.strip_prefix('.'))
        });
        find(name).or_else(|| bare.and_then(find)).ok_or_else(|| {
            let fields = self.fields.iter().filter(|field| field.is_settable());
            let names = fields.map(|field| &field.name);
            let settings = self.settings.iter().map(|setting| &setting.name);
            let names: Vec<&str> = names.chain(settings).map(String::as_str).collect();
            RunProblem {
                code: RunCode::R06,
                message: format!("no field or setting \"{name}\" in \"{}\"", self.name),
                hint: Some(match names.as_slice() {
                    [] => "it has nothing that can be set".into(),
                    names => format!("it has {}", names.join(", ")),
                }),
            }
        })
    }

    fn set(&mut self, name: &str, text: &str) -> Result<Subject, RunProblem> {
        let subject = self.named(name)?;
        match subject {
            Subject::Setting(place) => {
                let setting = self.settings.get_mut(place);
                let Some(setting) = setting else { return Ok(subject) };
                let value = Literal::of_setting(setting.kind, text)
                    .map_err(|error| RunProblem::value(name, &error))?;
                if !setting.values.is_empty() && !setting.values.contains(&value) {
                    let allowed: Vec<String> =
                        setting.values.iter().map(ToString::to_string).collect();
                    return Err(RunProblem {
                        code: RunCode::R07,
                        message: format!("{name}: {text} is not allowed"),
                        hint: Some(allowed.join(", ")),
                    });
                }
                setting.value = Some(value);
            }
            Subject::Field(place) => {
                let value = self.fields.get(place).map(|field| self.literal(field, text));
                let (Some(field), Some(value)) = (self.fields.get_mut(place), value) else {
                    return Ok(subject);
                };
                let number = || match &value {
                    Ok(Literal::Number(number)) => Ok(*number),
                    Ok(Literal::Bytes(_)) => Ok(0),
                    Err(error) => Err(RunProblem::value(name, error)),
                };
                match &mut field.role {
                    Role::Next { value, .. } if text == "table" => *value = None,
                    Role::Next { value, .. } => *value = Some(number()?),
                    Role::Counter { start, .. } => *start = number()?,
                    Role::Constant { value: sent, .. } => {
                        *sent = value.map_err(|error| RunProblem::value(name, &error))?;
                    }
                    Role::Given { value: sent, .. } => {
                        *sent = Some(value.map_err(|error| RunProblem::value(name, &error))?);
                    }
                    _ => return Err(RunProblem::not_settable(name)),
                }
            }
        }
        Ok(subject)
    }

    fn expect(&mut self, name: &str, text: &str) -> Result<usize, RunProblem> {
        let subject = self.named(name)?;
        let Subject::Field(place) = subject else {
            return Err(RunProblem {
                code: RunCode::R08,
                message: format!("{name} is a setting, the same in both directions"),
                hint: Some(format!("--set {name}={text}")),
            });
        };
        let value = self.fields.get(place).map(|field| self.literal(field, text));
        let (Some(field), Some(value)) = (self.fields.get_mut(place), value) else {
            return Ok(place);
        };
        match &mut field.role {
            Role::Constant { expect, .. } | Role::Given { expect, .. } => {
                *expect = Some(value.map_err(|error| RunProblem::value(name, &error))?);
                Ok(place)
            }
            _ => Err(RunProblem::not_settable(name)),
        }
    }

    /// Given fields that another value has taken away.
    fn lost(&self, given: &[Subject]) -> Vec<RunProblem> {
        let present = shape::present(self, Side::Send);
        let fields = given.iter().filter_map(|subject| match subject {
            Subject::Field(place) if present.get(*place) != Some(&true) => self.fields.get(*place),
            _ => None,
        });
        fields.map(|field| self.absent(field)).collect()
    }

    /// Fields that are expected in datagrams that, by the other values, do not have them.
    fn expected_nowhere(&self, expected: &[usize]) -> Vec<RunProblem> {
        let present = shape::present(self, Side::Receive);
        let absent = expected.iter().filter(|place| present.get(**place) != Some(&true));
        absent.filter_map(|place| self.fields.get(*place)).map(|field| self.absent(field)).collect()
    }

    /// A field was given that is not there.
    fn absent(&self, field: &Field) -> RunProblem {
        RunProblem {
            code: RunCode::R11,
            message: format!(
                "\"{}\" is not there unless {}",
                field.name,
                field.when.text(self, &self.fields)
            ),
            hint: Some("set what it takes, too".into()),
        }
    }

    /// Sets what a field's condition names, if that is the only way to fulfil it, and if it was not
    /// given itself.
    fn fulfil(&mut self, place: usize, given: &mut Vec<Subject>) -> Result<(), RunProblem> {
        if shape::present(self, Side::Send).get(place) == Some(&true) {
            return Ok(());
        }
        let Some(field) = self.fields.get(place) else { return Ok(()) };
        let field = field.clone();
        for texts in &field.when.parts {
            let [terms] = texts.as_slice() else { return Err(self.absent(&field)) };
            for term in terms {
                let number = self.number_for(*term);
                if given.contains(&term.subject) || number.is_none() {
                    if !self.holds(*term) {
                        return Err(self.absent(&field));
                    }
                    continue;
                }
                self.put(term.subject, number.unwrap_or_default());
                given.push(term.subject);
                if let Subject::Field(place) = term.subject {
                    self.fulfil(place, given)?;
                }
            }
        }
        Ok(())
    }

    /// The only number that makes a term true, if there is only one.
    fn number_for(&self, term: Term) -> Option<u64> {
        let flag = match term.subject {
            Subject::Field(place) => self.fields.get(place).and_then(|f| self.fixed_bits(f)),
            Subject::Setting(place) => match self.settings.get(place)?.kind {
                SettingKind::Uint { bits } => Some(bits.into()),
                SettingKind::Bytes { .. } => None,
            },
        } == Some(1);
        if term.equal { Some(term.number) } else { flag.then(|| 1 - term.number.min(1)) }
    }

    fn holds(&self, term: Term) -> bool {
        let alone = Condition { parts: vec![vec![vec![term]]] };
        alone.holds(|subject| match self.value(subject) {
            Some(Literal::Number(number)) => Some(*number),
            _ => None,
        })
    }

    fn value(&self, subject: Subject) -> Option<&Literal> {
        match subject {
            Subject::Field(place) => {
                self.fields.get(place).and_then(|field| shape::literal(field, Side::Send))
            }
            Subject::Setting(place) => self.settings.get(place)?.value.as_ref(),
        }
    }

    fn put(&mut self, subject: Subject, number: u64) {
        let number = Literal::Number(number);
        match subject {
            Subject::Field(place) => {
                match self.fields.get_mut(place).map(|field| &mut field.role) {
                    Some(Role::Constant { value, .. }) => *value = number,
                    Some(Role::Given { value, .. }) => *value = Some(number),
                    _ => {}
                }
            }
            Subject::Setting(place) => {
                if let Some(setting) = self.settings.get_mut(place) {
                    setting.value = Some(number);
                }
            }
        }
    }
}

impl Field {
    /// Whether the setting at `place` says how many bytes it has.
    fn is_sized_by(&self, place: usize) -> bool {
        let (Kind::Bytes { size } | Kind::Text { size }) = self.kind else { return false };
        size == Size::Setting(place)
    }

    /// Whether `--set` may name it.
    #[must_use]
    pub fn is_settable(&self) -> bool {
        matches!(
            self.role,
            Role::Constant { .. } | Role::Given { .. } | Role::Next { .. } | Role::Counter { .. }
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_overhead_is_known_whatever_is_still_to_be_given() {
        let overhead = |name| Format::built_in(name).unwrap().overhead();
        assert_eq!(overhead("crapvpn"), Some(8));
        assert_eq!(overhead("bare-ip"), Some(0));
        assert_eq!(overhead("vxlan"), Some(8));
        // 12 of header without a cookie, the sublayer's 4 bytes among them.
        assert_eq!(overhead("l2tpv3-udp"), Some(12));
        // SPI, sequence number and IV, up to 3 bytes of padding, 2 behind it, the tag.
        assert_eq!(overhead("esp-udp"), Some(16 + 3 + 2 + 16));
        // Header, padding to 16 bytes, tag.
        assert_eq!(overhead("wireguard-data"), Some(16 + 15 + 16));
    }

    #[test]
    fn the_overhead_follows_what_is_given() {
        let gre = Format::built_in("gre-udp").unwrap();
        let with = |set: Assignments<'_>| gre.with(set, &[]).unwrap().overhead();
        assert_eq!(gre.overhead(), Some(4));
        assert_eq!(with(&[("key", "7")]), Some(8));
        assert_eq!(with(&[("key", "7"), ("flags.checksum", "1")]), Some(12));
    }

    #[test]
    fn the_overhead_is_unknown_where_a_size_is() {
        let read = |fields: &str, more: &str| {
            let head = "language = 1\nname = \"x\"\ncarrier = { udp = 9 }\n";
            let packet = "{ name = \"packet\", type = \"packet\" }";
            let text = format!("{head}packet = \"ip\"\n{more}fields = [{fields}{packet}]\n");
            let read = Format::read("x.toml", &text);
            assert!(read.format.is_some(), "{}", read.text());
            read.format.and_then(|format| format.overhead())
        };
        let cookie = "{ name = \"cookie\", type = \"bytes\", size = \"n\" }, ";
        assert_eq!(read(cookie, "settings = [{ name = \"n\", type = \"u8\" }]\n"), None);
        assert_eq!(
            read(cookie, "settings = [{ name = \"n\", type = \"u8\", value = 4 }]\n"),
            Some(4)
        );
        assert_eq!(read("", "settings = [{ name = \"n\", type = \"u8\" }]\n"), Some(0));
    }
}
