//! Cuts a stream of bytes into rows, in one buffer of bounded size.

use crate::columns::{Column, Layout};
use crate::fault::Fault;
use crate::scan::{BLOCK, Marks, Place, scan};

/// The longest row. Rows of reports with hundreds of tags have some 10 KB.
pub(crate) const LONGEST_ROW: usize = 1 << 20;
/// What the buffer begins with. Much larger ones fall out of the processor's second cache, between inflating and
/// scanning.
const FIRST_SIZE: usize = 128 << 10;

/// One row, with the wanted fields found.
pub(crate) struct Row<'a> {
    /// The row's bytes without its line end.
    pub(crate) bytes: &'a [u8],
    /// How many fields it has.
    pub(crate) fields: usize,
    /// Its number; the header is row 1. A row with line feeds between quotes is one row.
    pub(crate) number: u64,
    bounds: &'a [usize],
    layout: &'a Layout,
}

/// One line item, whatever it is written in.
pub(crate) trait Line {
    /// Its number in the file, for whoever looks for it there.
    fn number(&self) -> u64;

    /// How many fields it has.
    fn fields(&self) -> usize;

    /// The field of a column. `None` when the report does not have the column.
    fn field(&self, column: Column) -> Option<&[u8]>;
}

impl Line for Row<'_> {
    fn number(&self) -> u64 {
        self.number
    }

    fn fields(&self) -> usize {
        self.fields
    }

    /// Without the quotes around it. Doubled quotes within it are left doubled: none of the wanted columns has a use for
    /// a quote. Meaningful only when the row has as many fields as the header.
    fn field(&self, column: Column) -> Option<&[u8]> {
        let (before, after) = self.layout.cell(column)?;
        let start = before.map_or(Some(0), |bound| self.bounds.get(bound).map(|at| at + 1));
        let end = after.map_or(Some(self.bytes.len()), |bound| self.bounds.get(bound).copied());
        let field = self.bytes.get(start?..end?)?;
        Some(unquoted(field))
    }
}

/// A field without the quotes around it.
fn unquoted(field: &[u8]) -> &[u8] {
    match field {
        [b'"', inner @ .., b'"'] => inner,
        _ => field,
    }
}

/// Cuts what is pushed in into rows.
#[derive(Default)]
pub(crate) struct Rows {
    buffer: Vec<u8>,
    /// How much of the buffer holds data.
    filled: usize,
    /// Where the next block begins.
    scanned: usize,
    place: Place,
    /// What is left of the current block's marks, and where that block begins.
    marks: Marks,
    block: usize,
    /// The row that is being put together: where it begins, how many separators it has had, which bound comes next, and
    /// the bounds so far.
    row: usize,
    separators: usize,
    next_bound: usize,
    bounds: Vec<usize>,
    number: u64,
    closed: bool,
}

impl Rows {
    /// Room for the next bytes; never empty. Call when `next` has given all that it has.
    pub(crate) fn room(&mut self) -> Result<&mut [u8], Fault> {
        if self.row > 0 {
            self.buffer.copy_within(self.row..self.filled, 0);
            self.filled -= self.row;
            self.scanned -= self.row;
            self.row = 0;
        }
        if self.filled >= LONGEST_ROW {
            return Err(Fault::EndlessRow { row: self.number + 1, limit: LONGEST_ROW });
        }
        if self.buffer.len() < self.filled + FIRST_SIZE / 2 {
            self.buffer.resize((self.buffer.len() * 2).max(FIRST_SIZE), 0);
        }
        Ok(self.buffer.get_mut(self.filled..).unwrap_or_default())
    }

    /// That many bytes of the room were filled.
    pub(crate) fn filled(&mut self, count: usize) {
        self.filled = (self.filled + count).min(self.buffer.len());
    }

    /// No more bytes will come: what is left is the last row.
    pub(crate) fn close(&mut self) {
        self.closed = true;
    }

    /// The next row that is not blank, or `None` when more bytes are needed; after `close`, when there is none.
    pub(crate) fn next<'a>(&'a mut self, layout: &'a Layout) -> Result<Option<Row<'a>>, Fault> {
        loop {
            let Some(end) = self.next_end(layout)? else { return Ok(None) };
            let start = std::mem::replace(&mut self.row, (end + 1).min(self.filled));
            let fields = std::mem::take(&mut self.separators) + 1;
            self.next_bound = 0;
            let bytes = self.buffer.get(start..end).unwrap_or_default();
            let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
            if bytes.is_empty() {
                continue;
            }
            self.number += 1;
            // Borrowed anew, since the loop may not keep what it returns.
            let bytes = self.buffer.get(start..start + bytes.len()).unwrap_or_default();
            return Ok(Some(Row { bytes, fields, number: self.number, bounds: &self.bounds, layout }));
        }
    }

    /// Where the current row ends.
    fn next_end(&mut self, layout: &Layout) -> Result<Option<usize>, Fault> {
        loop {
            if self.marks.line_ends != 0 {
                let bit = self.marks.line_ends.trailing_zeros();
                let before = (1_u64 << bit) - 1;
                self.count(self.marks.separators & before, layout);
                self.marks.separators &= !before;
                self.marks.line_ends &= self.marks.line_ends - 1;
                return Ok(Some(self.block + bit as usize));
            }
            self.count(self.marks.separators, layout);
            self.marks = Marks::default();
            if !self.scan_on() {
                return if self.closed { self.last_end() } else { Ok(None) };
            }
        }
    }

    /// Counts separators of the current row, and notes those that bound a wanted field.
    fn count(&mut self, separators: u64, layout: &Layout) {
        let total = self.separators + separators.count_ones() as usize;
        let (mut left, mut passed) = (separators, self.separators);
        while let Some(bound) = layout.bounds.get(self.next_bound)
            && *bound < total
        {
            while passed < *bound {
                left &= left.wrapping_sub(1);
                passed += 1;
            }
            let at = self.block + left.trailing_zeros() as usize - self.row;
            match self.bounds.get_mut(self.next_bound) {
                Some(place) => *place = at,
                None => self.bounds.push(at),
            }
            self.next_bound += 1;
        }
        self.separators = total;
    }

    /// Scans the next block; false when there is none.
    fn scan_on(&mut self) -> bool {
        let rest = self.buffer.get(self.scanned..self.filled).unwrap_or_default();
        let (length, scanned) = match rest.first_chunk::<BLOCK>() {
            Some(block) => (BLOCK, scan(block, BLOCK, self.place)),
            None if self.closed && !rest.is_empty() => {
                let mut block = [0; BLOCK];
                block.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
                (rest.len(), scan(&block, rest.len(), self.place))
            }
            None => return false,
        };
        (self.marks, self.place) = scanned;
        self.block = self.scanned;
        self.scanned += length;
        true
    }

    /// The end of a last row that no line feed ends.
    fn last_end(&self) -> Result<Option<usize>, Fault> {
        if self.row >= self.filled {
            return Ok(None);
        }
        if self.place == Place::Quoted {
            return Err(Fault::OpenQuote { row: self.number + 1 });
        }
        Ok(Some(self.filled))
    }
}

/// The fields of a header, without the quotes around them.
pub(crate) fn fields(row: &[u8]) -> Vec<&[u8]> {
    let mut found = Vec::new();
    let (mut place, mut start) = (Place::Start, 0);
    for (number, chunk) in row.chunks(BLOCK).enumerate() {
        let mut block = [0; BLOCK];
        block.iter_mut().zip(chunk).for_each(|(to, from)| *to = *from);
        let (marks, after) = scan(&block, chunk.len(), place);
        place = after;
        let mut separators = marks.separators;
        while separators != 0 {
            let at = number * BLOCK + separators.trailing_zeros() as usize;
            found.push(unquoted(row.get(start..at).unwrap_or_default()));
            start = at + 1;
            separators &= separators - 1;
        }
    }
    found.push(unquoted(row.get(start..).unwrap_or_default()));
    found
}
