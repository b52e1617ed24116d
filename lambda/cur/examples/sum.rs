//! Prints what each account spent in each hour, as CSV: `sum MANIFEST.json BUCKET PREFIX FOLDER`.
//!
//! The files that the manifest names are read from FOLDER/KEY, one after the other. Gaps are printed to standard error.

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Read, Seek, SeekFrom, Write, stdout};
use std::path::Path;

use runawaytrain_cur::{FileFormat, Manifest, Next, ParquetReader, Place, Reader, ReportFile, Totals};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = std::env::args().skip(1).collect::<Vec<_>>();
    let [manifest, bucket, prefix, folder] = arguments.as_slice() else {
        return Err("usage: sum MANIFEST.json BUCKET PREFIX FOLDER".into());
    };
    let manifest = Manifest::parse(&std::fs::read(manifest)?, Place { bucket, prefix })?;
    let mut totals = Totals::default();
    for file in manifest.files() {
        let source = File::open(Path::new(folder).join(&file.key))?;
        totals.merge(match file.format {
            FileFormat::GzipCsv => Reader::new(file).read(source)?,
            FileFormat::Parquet => parquet(file, source)?,
        })?;
    }
    if !totals.gaps.is_empty() {
        eprintln!("{}", serde_json::to_string_pretty(&totals.gaps)?);
    }
    let mut out = BufWriter::new(stdout().lock());
    for (account, sums) in &totals.accounts {
        for (hour, amount) in sums.usage.iter() {
            writeln!(out, "{account},{hour},{amount}")?;
        }
    }
    eprintln!("{} rows of {} accounts", totals.rows, totals.accounts.len());
    Ok(out.flush()?)
}

fn parquet(file: ReportFile, mut source: File) -> Result<Totals, Box<dyn Error>> {
    let mut reader = ParquetReader::new(file, source.metadata()?.len());
    loop {
        match reader.next() {
            Next::Bytes(span) => {
                let mut bytes = vec![0; usize::try_from(span.end - span.start)?];
                source.seek(SeekFrom::Start(span.start))?;
                source.read_exact(&mut bytes)?;
                reader.take(bytes)?;
            }
            Next::Count => reader.count()?,
            Next::End => return Ok(reader.finish()?),
        }
    }
}
