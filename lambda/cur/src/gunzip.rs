//! Inflates a gzip stream that is pushed in, without a buffer of its own.

use flate2::{Decompress, FlushDecompress, Status};

use crate::fault::Fault;

/// The largest window that gzip knows: 32 KiB.
const WINDOW_BITS: u8 = 15;

/// One gzip stream of one or more members; AWS writes one, `cat` makes several.
pub(crate) struct Gunzip {
    inflate: Decompress,
    /// Whether the stream could end here: a member has ended and none has begun.
    between_members: bool,
    /// Whether any member ended.
    any: bool,
}

impl Gunzip {
    pub(crate) fn new() -> Self {
        Self { inflate: Decompress::new_gzip(WINDOW_BITS), between_members: false, any: false }
    }

    /// Inflates as much of `input` as `output` holds. Returns how many bytes were read and how many written.
    /// Nothing read and nothing written means that more input is needed.
    pub(crate) fn inflate(&mut self, input: &[u8], output: &mut [u8]) -> Result<(usize, usize), Fault> {
        if self.between_members {
            if input.is_empty() {
                return Ok((0, 0));
            }
            self.inflate = Decompress::new_gzip(WINDOW_BITS);
            self.between_members = false;
        }
        let (read, written) = (self.inflate.total_in(), self.inflate.total_out());
        let status = self.inflate.decompress(input, output, FlushDecompress::None).map_err(|_| self.fault())?;
        if status == Status::StreamEnd {
            self.between_members = true;
            self.any = true;
        }
        // Both are differences within one call: they fit.
        let moved = |now: u64, before: u64| usize::try_from(now - before).unwrap_or(0);
        Ok((moved(self.inflate.total_in(), read), moved(self.inflate.total_out(), written)))
    }

    /// Whether the stream is whole: every member ended with its checksum.
    pub(crate) fn is_whole(&self) -> bool {
        self.between_members
    }

    fn fault(&self) -> Fault {
        match (self.inflate.total_out(), self.any) {
            (0, true) => Fault::Trailing,
            (0, false) => Fault::NotGzip,
            _ => Fault::Damaged,
        }
    }
}
