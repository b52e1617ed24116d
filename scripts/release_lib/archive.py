"""Archives that are the same to the last byte whenever the same files go in: what was reviewed can be made again and
compared."""

import gzip
import shutil
import stat
import tarfile
import zipfile
from pathlib import Path

from .problem import Problem

# The first moment that a zip can hold.
EPOCH = (1980, 1, 1, 0, 0, 0)


def zip_folder(folder: Path, archive: Path) -> None:
    """Every file below `folder`, sorted, with one date. Of its rights a file keeps only whether it can be executed."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as out:
        for file in _files(folder):
            entry = zipfile.ZipInfo(file.relative_to(folder).as_posix(), EPOCH)
            entry.create_system = 3  # Unix: Lambda reads the executable bit from here
            entry.external_attr = (stat.S_IFREG | _mode(file)) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            out.writestr(entry, file.read_bytes(), compresslevel=9)


def tar_folder(folder: Path, archive: Path) -> None:
    """The same as a gzipped tar."""
    with (
        archive.open("wb") as raw,
        gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as out,
    ):
        for file in _files(folder):
            entry = tarfile.TarInfo(file.relative_to(folder).as_posix())
            entry.size, entry.mode = file.stat().st_size, _mode(file)
            with file.open("rb") as content:
                out.addfile(entry, content)


def unpack(archive: Path, folder: Path) -> None:
    """Into a new folder. Entries that point out of it are refused by tarfile's own filter."""
    shutil.rmtree(folder, ignore_errors=True)
    try:
        with tarfile.open(archive) as packed:
            packed.extractall(folder, filter="data")
    except (tarfile.TarError, OSError) as error:
        raise Problem(f"{archive.name} cannot be unpacked: {error}") from error


def _files(folder: Path) -> list[Path]:
    return sorted(
        (file for file in folder.rglob("*") if file.is_file()), key=lambda file: file.relative_to(folder).as_posix()
    )


def _mode(file: Path) -> int:
    return 0o755 if file.stat().st_mode & stat.S_IXUSR else 0o644
