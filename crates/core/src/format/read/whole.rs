//! What is held against the description as a whole: packet, checksums, ends, frames.

use super::cipher::Fields;
use super::diagnostic::Code;
use super::field::Draft;
use super::finding::{Finding, Span};
use super::list::List;
use super::reader::Reader;
use super::source::quoted;
use super::table::{Node, Table};
use super::value::Class;
use crate::format::ends::{self, EndProblem};
use crate::format::{Format, Kind, Otherwise, PacketKind, Role};

impl<'a> Reader<'a> {
    /// Holds the key `packet` against the fields.
    pub(super) fn packet_fields(
        &mut self,
        top: &Table<'a>,
        kinds: &[PacketKind],
        fields: Fields<'_, 'a>,
    ) {
        let packets = fields.list.drafts.iter().filter(|draft| draft.class == Some(Class::Packet));
        let packets: Vec<_> = packets.collect();
        for second in packets.get(1..).unwrap_or_default() {
            let message = format!("{} is a second field of type \"packet\"", second.quoted());
            let mut finding = Finding::new(Code::F58, second.span(), message);
            if let Some(first) = packets.first() {
                finding = finding.related(first.span(), "the first");
            }
            self.findings.add(finding);
        }
        let no_packet = "no field has type \"packet\", so this can only be decoded";
        match (packets.first(), top.get("packet")) {
            (Some(first), None) if !top.has("packet") => {
                let message = "a field has type \"packet\", but the top has no key \"packet\"";
                let hint = "`packet = \"ip\"` or `packet = \"ethernet\"`";
                let span = first.table.word("type").map(|word| word.span);
                self.findings.add(Finding::new(Code::F50, span, message).hint(hint.to_owned()));
            }
            (None, Some(node)) if !fields.may_hide_packet() => {
                self.findings.add(Finding::new(Code::F50, node.span, no_packet));
            }
            (None, None) if !fields.may_hide_packet() && !top.has("decode_only") => {
                let span = top.key_span("fields");
                self.findings.add(Finding::new(Code::F50, span, no_packet).note());
            }
            _ => {}
        }
        if let (Some(node), true) = (top.get("packet"), kinds.len() > 1)
            && fields.list.drafts.iter().all(|draft| draft.role() != Some("next"))
            && fields.list.drafts.iter().all(|draft| draft.role.is_some())
        {
            let message = "`packet` lists two kinds but no field has role \"next\"";
            let hint = "one kind, or a field with role \"next\"";
            self.findings.add(Finding::new(Code::F51, node.span, message).hint(hint.to_owned()));
        }
    }

    /// Reports kinds of packet that a field with role `next` has no number for.
    pub(super) fn next_numbers(
        &mut self,
        format: &Format,
        list: &List<'a>,
        packet: Option<Node<'a>>,
    ) {
        if format.decode_only.is_some() {
            return;
        }
        for (field, draft) in format.fields.iter().zip(&list.drafts) {
            let Role::Next { table, value, otherwise } = &field.role else { continue };
            if value.is_some() && *otherwise == Otherwise::Look {
                continue;
            }
            let needed = format.packet.iter().flat_map(|kind| match kind {
                PacketKind::Ip => vec![("ipv4", table.ipv4), ("ipv6", table.ipv6)],
                PacketKind::Ethernet => vec![("ethernet", table.ethernet)],
            });
            for (kind, _) in needed.filter(|(_, number)| number.is_none()) {
                let message = format!("the table has no number for {}", quoted(kind));
                let hint = (kind != "ethernet").then(|| "`packet = \"ip\"` means both".to_owned());
                let span = draft.table.get("table").map(|node| node.span);
                let mut finding = Finding::new(Code::F52, span, message).hint(hint);
                if let Some(packet) = packet {
                    finding = finding.related(packet.span, "the kinds of packet");
                }
                self.findings.add(finding);
            }
        }
    }

    /// Reports checksums that depend on each other, or on the tag that depends on them.
    pub(super) fn checksum_circles(&mut self, format: &Format, list: &List<'a>) {
        let span = |place: usize| list.drafts.get(place).map(Draft::span);
        let sums: Vec<_> = format
            .fields
            .iter()
            .enumerate()
            .filter_map(|(place, field)| match field.role {
                Role::Checksum { covers, .. } => Some((place, covers)),
                _ => None,
            })
            .collect();
        // A checksum can be made once all those that it covers are made.
        let mut left = sums.clone();
        while let Some(ready) = left.iter().position(|(place, covers)| {
            !left.iter().any(|(other, _)| other != place && covers.contains(*other))
        }) {
            left.remove(ready);
        }
        // Each of those left covers another one left; of two of them, the later one is pointed at.
        let circle = left.iter().find_map(|(place, covers)| {
            let back = |other: &&(usize, _)| other.0 != *place && covers.contains(other.0);
            left.iter().find(back).map(|(other, _)| (*place.min(other), *place.max(other)))
        });
        let enciphered = format.cipher.as_ref().map(|cipher| cipher.covers);
        let is_inside = |place: usize| enciphered.is_some_and(|range| range.contains(place));
        let name = |place: usize| list.drafts.get(place).map(Draft::quoted).unwrap_or_default();
        if let Some((first, second)) = circle {
            let message = format!("{} and {} cover each other", name(first), name(second));
            let finding = Finding::new(Code::F25, span(second), message);
            let hint = "the `covers` of one of them without the other";
            self.findings.add(finding.hint(hint.to_owned()));
        }
        let tag = format.fields.iter().position(|field| field.role == Role::Tag);
        for (place, covers) in &sums {
            let outside =
                sums.iter().find(|(other, _)| !is_inside(*other) && covers.contains(*other));
            if let Some((outside, _)) = outside.filter(|_| is_inside(*place)) {
                // One that is enciphered is made first.
                let message =
                    format!("{} covers {}, which is made after it", name(*place), name(*outside));
                self.findings.add(Finding::new(Code::F25, span(*place), message));
            }
            if let (Some(tag), Some(enciphered)) = (tag, enciphered)
                && enciphered.contains(*place)
                && covers.contains(tag)
            {
                let message = format!("{} covers {}, which depends on it", name(*place), name(tag));
                self.findings.add(Finding::new(Code::F25, span(*place), message));
            }
        }
    }

    /// Reports what `ends` finds, and lists that no sender can leave empty.
    pub(super) fn ends(&mut self, format: &Format, list: &List<'a>, top: &Table<'a>) {
        let problems = ends::check(format);
        let apart = |place: usize| problems.contains(&EndProblem::PaddingApart { field: place });
        for problem in &problems {
            if let EndProblem::TwoRests { field, other } = *problem
                && (apart(field) || apart(other))
            {
                continue;
            }
            let finding = end_problem(*problem, format, list, top.key_span("fields"));
            self.findings.add(finding);
        }
        if format.decode_only.is_none() {
            self.never_empty(format, list);
        }
        if let Some(span) = top.get("carrier").map(|node| node.span)
            && format.carrier.tcp.is_some()
            && ends::framing(format).is_none()
        {
            let message = "on TCP nothing says where a frame ends";
            let hint = "a length before the packet that counts to the last field";
            self.findings.add(Finding::new(Code::F61, span, message).hint(hint.to_owned()));
        }
    }

    fn never_empty(&mut self, format: &Format, list: &List<'a>) {
        for (place, (field, draft)) in format.fields.iter().zip(&list.drafts).enumerate() {
            let Kind::List { until: Some(_), .. } = field.kind else { continue };
            let is_counted = format.fields.iter().any(
                |other| matches!(other.role, Role::Length { counts, .. } if counts.contains(place)),
            );
            if field.when.is_always() && !is_counted {
                let message =
                    format!("{} can never be empty, so nothing can be sent", draft.quoted());
                let hint = "a `when`, or `decode_only`".to_owned();
                self.findings.add(Finding::new(Code::F42, draft.span(), message).hint(hint));
            }
        }
    }
}

fn end_problem(
    problem: EndProblem,
    format: &Format,
    list: &List<'_>,
    fields: Option<Span>,
) -> Finding {
    let draft = |place: usize| list.drafts.get(place);
    let name = |place: usize| draft(place).map(Draft::quoted).unwrap_or_default();
    let span = |place: usize| draft(place).map(Draft::span);
    let related = |finding: Finding, place: usize| match span(place) {
        Some(span) => finding.related(span, format!("the field {}", name(place))),
        None => finding,
    };
    match problem {
        EndProblem::TwoRests { field, other } => {
            let message = format!(
                "{} and {} would both take the rest of the datagram",
                name(field),
                name(other)
            );
            let is_padding = draft(other).is_some_and(|draft| draft.class == Some(Class::Padding));
            let hint = if is_padding && format.cipher.is_some() {
                "the cipher must cover the padding too: `covers = \"packet..padding\"`".to_owned()
            } else {
                format!(
                    "a length that counts {}, a `size`, or conditions that exclude each other",
                    name(field)
                )
            };
            related(Finding::new(Code::F40, span(other), message).hint(hint), field)
        }
        EndProblem::DependsBehind { field, on } => {
            let message = format!(
                "the end of {} depends on {}, which stands behind it",
                name(field),
                name(on)
            );
            let hint = format!("a length that counts {}", name(field));
            related(Finding::new(Code::F43, span(field), message).hint(hint), on)
        }
        EndProblem::ElementOpen { list: place, element } => {
            let inner = draft(place).and_then(|draft| draft.element.as_ref());
            let inner = inner.and_then(|element_list| element_list.drafts.get(element));
            let message = format!(
                "no length counts {} of the list {}",
                inner.map(Draft::quoted).unwrap_or_default(),
                name(place)
            );
            let span = inner.map(Draft::span).or(span(place));
            let hint = "a field with role \"length\" before it, or a `size`".to_owned();
            Finding::new(Code::F41, span, message).hint(hint)
        }
        EndProblem::PaddingApart { field } => {
            let message = format!("{} must stand straight behind the packet", name(field));
            Finding::new(Code::F44, span(field), message)
        }
        EndProblem::PartOfRegion { field } => {
            let message = format!("{} covers only a part of what is enciphered", name(field));
            let hint = "cover all of it or nothing, or have the checksum enciphered too".to_owned();
            Finding::new(Code::F64, span(field), message).hint(hint)
        }
        EndProblem::TooManyCombinations { most } => {
            let message = format!("the conditions have more than {most} combinations");
            Finding::new(Code::F35, fields, message)
        }
    }
}
