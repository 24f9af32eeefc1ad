"""How a file of a format begins: one that begins otherwise is told of, and taken all the same.

Whoever appends a file says what it is in; that it is something else evidently, only its readers would find out.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

from s3dest.finished import FinishedObject

log = logging.getLogger(__name__)

_BEGINNINGS: Final = {
    "gzip": (b"\x1f\x8b",),  # RFC 1952
    "zstd": (b"\x28\xb5\x2f\xfd", *(bytes([low, 0x2A, 0x4D, 0x18]) for low in range(0x50, 0x60))),  # RFC 8878
    "parquet": (b"PAR1", b"PARE"),  # Parquet's file format; PARE with an encrypted footer
}
_LENGTH: Final = 4


class Beginning:
    """Looks at the files that one writer appends, and tells of the first that is evidently in something else.

    Args:
        name: The format's.
        compression: What its objects are compressed with as a whole; of Parquet, that of the pages says nothing here.
    """

    def __init__(self, name: str, compression: str) -> None:
        self._expected = name if name == "parquet" else compression
        self._is_known = name in {"jsonl", "csv", "parquet"} and self._expected in {"none", *_BEGINNINGS}
        self._is_told = False

    def look(self, path: Path, item: FinishedObject) -> None:
        """Look at a file.

        Raises:
            LocalFileError: It cannot be read any more.
        """
        if self._is_told or not self._is_known:
            return
        begins = item.read(0, _LENGTH)
        found = next((kind for kind, starts in _BEGINNINGS.items() if begins.startswith(starts)), "none")
        if found == "parquet" and item.read(max(0, item.size - _LENGTH), item.size) != begins:  # a header of CSV may be
            found = "none"
        if found == self._expected or not (begins or self._expected == "parquet"):  # nothing is no row of the others
            return
        self._is_told = True
        log.warning(
            "the file %r is %s by its first bytes, and is appended as %s: readers will not understand it",
            str(path),
            "neither compressed nor Parquet" if found == "none" else found,
            "plain text" if self._expected == "none" else self._expected,
        )
