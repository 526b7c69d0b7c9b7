//! Options at the end of a pcapng block: a number, a length, a value padded to 4 bytes.

use super::order::Order;

/// Ends the options (`opt_endofopt`).
const END: u16 = 0;
/// A text for people (`opt_comment`).
pub(super) const COMMENT: u16 = 1;
/// Bytes of number and length.
pub(super) const HEADER_BYTES: usize = 4;

/// The options of a block, one by one; they end at the first that does not fit.
#[derive(Debug, Clone)]
pub(super) struct Options<'a> {
    rest: &'a [u8],
    order: Order,
}

impl<'a> Options<'a> {
    pub(super) fn new(rest: &'a [u8], order: Order) -> Self {
        Self { rest, order }
    }

    /// Whether the options end in `opt_endofopt`, or exactly where the block does.
    pub(super) fn fit(mut self) -> bool {
        while let Some((number, length)) = self.header() {
            if number == END {
                return true;
            }
            match self.rest.get(padded(HEADER_BYTES + length)..) {
                Some(rest) => self.rest = rest,
                None => return false,
            }
        }
        self.rest.is_empty()
    }

    /// Number and length of the first one.
    fn header(&self) -> Option<(u16, usize)> {
        let header = self.rest.get(..HEADER_BYTES)?;
        Some((self.order.u16(header, 0), self.order.u16(header, 2).into()))
    }
}

impl<'a> Iterator for Options<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (number, length) = self.header().filter(|(number, _)| *number != END)?;
        let value = self.rest.get(HEADER_BYTES..HEADER_BYTES + length)?;
        self.rest = self.rest.get(padded(HEADER_BYTES + length)..)?;
        Some((number, value))
    }
}

/// Bytes with what pads them.
pub(super) const fn padded(bytes: usize) -> usize {
    bytes.next_multiple_of(4)
}

/// What people wrote to a frame.
#[derive(Debug, Clone, Copy)]
pub struct Comments<'a> {
    options: &'a [u8],
    order: Order,
}

impl<'a> Comments<'a> {
    pub(super) fn new(options: &'a [u8], order: Order) -> Self {
        Self { options, order }
    }

    /// The texts one by one, each up to its first byte that is no UTF-8.
    pub fn iter(self) -> impl Iterator<Item = &'a str> {
        let options = Options::new(self.options, self.order);
        options
            .filter(|(number, _)| *number == COMMENT)
            .map(|(_, value)| value.utf8_chunks().next().map_or("", |chunk| chunk.valid()))
    }

    /// The first one.
    #[must_use]
    pub fn first(self) -> Option<&'a str> {
        self.iter().next()
    }
}

/// No comments.
impl Default for Comments<'_> {
    fn default() -> Self {
        Self { options: &[], order: Order::Little }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(bytes: &[u8]) -> (Vec<(u16, Vec<u8>)>, bool) {
        let options = Options::new(bytes, Order::Big);
        let fit = options.clone().fit();
        (options.map(|(number, value)| (number, value.to_vec())).collect(), fit)
    }

    #[test]
    fn options_end_with_the_block_or_before() {
        assert_eq!(options(&[]), (vec![], true));
        assert_eq!(options(&[0, 2, 0, 1, 7, 0, 0, 0]), (vec![(2, vec![7])], true));
        assert_eq!(options(&[0, 2, 0, 0, 0, 0, 0, 0, 9, 9, 9, 9]), (vec![(2, vec![])], true));
    }

    #[test]
    fn options_that_do_not_fit_give_those_before() {
        assert_eq!(options(&[0, 2, 0, 1, 7, 0, 0]), (vec![], false));
        assert_eq!(options(&[0, 2, 0, 0, 0, 3, 0xff, 0xff, 1, 1]), (vec![(2, vec![])], false));
        assert_eq!(options(&[0, 2, 0]), (vec![], false));
    }

    #[test]
    fn comments_are_the_options_with_number_1() {
        let bytes = b"\0\x01\0\x02hi\0\0\0\x02\0\0\0\x01\0\x03a\xffb\0\0\x01\0\0";
        let comments = Comments::new(bytes, Order::Big);
        assert_eq!(comments.first(), Some("hi"));
        assert_eq!(comments.iter().collect::<Vec<_>>(), ["hi", "a", ""]);
        assert_eq!(Comments::default().first(), None);
    }
}
