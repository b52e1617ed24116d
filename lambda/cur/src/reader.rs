//! Reads one gzip CSV file of a report as its bytes arrive.

use std::io::Read;

use crate::columns::Layout;
use crate::fault::{Fault, ReadError, ReportError};
use crate::gunzip::Gunzip;
use crate::hour::Hour;
use crate::manifest::ReportFile;
use crate::rows::{Rows, fields};
use crate::sums::Sums;
use crate::totals::Totals;

/// How much is read at once from a [`Read`].
const CHUNK: usize = 64 << 10;

/// Reads one gzip CSV file that is pushed in piece by piece.
///
/// It holds one row, one window of the compressed stream and one sum per account and hour: its memory does not grow
/// with the file. For 1,000 accounts and a whole month the sums take 12 MB; [`since`](Self::since) keeps fewer hours.
/// Each call of [`feed`](Self::feed) works off all that it is given: for the 64 KB of a network read, about a
/// millisecond.
pub struct Reader {
    file: ReportFile,
    gunzip: Gunzip,
    rows: Rows,
    /// Before the header was read: nothing wanted.
    layout: Layout,
    header_read: bool,
    sums: Sums,
    fault: Option<Fault>,
}

impl Reader {
    /// A reader that keeps every hour of the file's billing period.
    pub fn new(file: ReportFile) -> Self {
        let first = file.period.first();
        Self {
            sums: Sums::new(&file, first),
            file,
            gunzip: Gunzip::new(),
            rows: Rows::default(),
            layout: Layout::default(),
            header_read: false,
            fault: None,
        }
    }

    /// Keeps only hours from this one on; usage before it is summed up as one amount, [`AccountTotals::other_hours`].
    #[must_use]
    pub fn since(mut self, hour: Hour) -> Self {
        self.sums = Sums::new(&self.file, hour.max(self.file.period.first()));
        self
    }

    /// Takes the next bytes of the file, however many.
    ///
    /// # Errors
    /// When the file cannot be a report. Every later call then fails alike.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), ReportError> {
        self.guarded(|reader| reader.take(bytes))
    }

    /// The sums, once all bytes were fed.
    ///
    /// # Errors
    /// When the file turns out to end early, or was no report. Sums of half a file are not given out.
    pub fn finish(mut self) -> Result<Totals, ReportError> {
        self.guarded(Self::end)?;
        Ok(self.sums.totals())
    }

    /// Reads a file or a connection to its end.
    ///
    /// # Errors
    /// When the source fails, and as [`feed`](Self::feed) and [`finish`](Self::finish).
    pub fn read(mut self, mut source: impl Read) -> Result<Totals, ReadError> {
        let mut chunk = vec![0; CHUNK];
        loop {
            match source.read(&mut chunk) {
                Ok(0) => return Ok(self.finish()?),
                Ok(count) => self.feed(chunk.get(..count).unwrap_or_default())?,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn guarded(&mut self, step: impl FnOnce(&mut Self) -> Result<(), Fault>) -> Result<(), ReportError> {
        if self.fault.is_none() {
            self.fault = step(self).err();
        }
        match &self.fault {
            Some(fault) => Err(ReportError { file: self.file.key.clone(), fault: fault.clone() }),
            None => Ok(()),
        }
    }

    fn take(&mut self, mut bytes: &[u8]) -> Result<(), Fault> {
        loop {
            let (read, written) = self.gunzip.inflate(bytes, self.rows.room()?)?;
            if read == 0 && written == 0 {
                // With room to write there is always something to do, unless the input is used up.
                return if bytes.is_empty() { Ok(()) } else { Err(Fault::Damaged) };
            }
            bytes = bytes.get(read..).unwrap_or_default();
            self.rows.filled(written);
            self.count_rows()?;
        }
    }

    fn end(&mut self) -> Result<(), Fault> {
        if !self.gunzip.is_whole() {
            return Err(Fault::Truncated);
        }
        self.rows.close();
        self.count_rows()?;
        if self.header_read { Ok(()) } else { Err(Fault::Empty) }
    }

    fn count_rows(&mut self) -> Result<(), Fault> {
        if !self.header_read {
            let Some(header) = self.rows.next(&self.layout)? else { return Ok(()) };
            let names = header.bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(header.bytes);
            self.layout = Layout::of(&fields(names))?;
            self.header_read = true;
        }
        while let Some(row) = self.rows.next(&self.layout)? {
            self.sums.count(&row, self.layout.fields);
        }
        Ok(())
    }
}
