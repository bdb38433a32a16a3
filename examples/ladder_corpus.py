"""Turn four unpacked Debian packages into the character codes that the text ladder is trained on.

The text is public and is not shipped; get it (no installation, about 31 MB) with::

    apt-get download dict-gcide python3.11-doc manpages manpages-dev
    for package in *.deb; do dpkg -x "$package" packages; done

`read_sources` takes the folder `packages`. Every source is lower-cased, reduced to `ALPHABET` and
split once: the last `HELD_OUT_SHARE` of its characters is never trained on; items and the
validation loss come from there.
"""

import gzip
import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

ALPHABET = " abcdefghijklmnopqrstuvwxyz0123456789.,;:'\"()-_=[]{}/\\*<>+&$%#@!?|\n"
HELD_OUT_SHARE = 0.05
SOURCES = ("dictionary", "python", "manual")

Codes = npt.NDArray[np.uint8]

_DICTIONARY = "usr/share/dictd/gcide.dict.dz"
_PYTHON = "usr/share/doc/python3.11/html"
_MANUAL = "usr/share/man"


@dataclass(frozen=True, slots=True, eq=False)
class Corpus:
    """Character codes of every source, split into a training and a held-out part.

    Attributes
    ----------
    train, held_out : mapping of str to uint8 array [character]
        Indices into `ALPHABET`, by source name.
    """

    train: Mapping[str, Codes]
    held_out: Mapping[str, Codes]


def encode(text: str) -> Codes:
    """Return the codes of a text after lower-casing it and replacing foreign characters by a space.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    uint8 array [character]
        Indices into `ALPHABET`; runs of spaces are one space.
    """
    kept = "".join(letter if letter in ALPHABET else " " for letter in text.lower())
    single_spaced = re.sub(r" +", " ", kept)
    table = np.zeros(128, np.uint8)
    table[[ord(letter) for letter in ALPHABET]] = np.arange(len(ALPHABET))
    return table[np.frombuffer(single_spaced.encode("ascii"), np.uint8)]


def decode(codes: Codes) -> str:
    """Return the text of character codes (the inverse of `encode` on its own output)."""
    return "".join(ALPHABET[code] for code in codes)


def split(codes: Mapping[str, Codes]) -> Corpus:
    """Keep the last `HELD_OUT_SHARE` of every source out of training."""
    cut = {name: len(text) - int(HELD_OUT_SHARE * len(text)) for name, text in codes.items()}
    return Corpus(
        train={name: text[: cut[name]] for name, text in codes.items()},
        held_out={name: text[cut[name] :] for name, text in codes.items()},
    )


def read_sources(packages: Path) -> dict[str, Codes]:
    """Read the dictionary, the Python documentation and the manual pages.

    Parameters
    ----------
    packages : Path
        Folder that the four packages were unpacked into.

    Returns
    -------
    dict of str to uint8 array [character]
        Codes by source name, in the order of `SOURCES`.

    Raises
    ------
    FileNotFoundError
        If one of the packages is missing below the folder.
    """
    for part in (_DICTIONARY, _PYTHON, _MANUAL):
        if not (packages / part).exists():
            msg = f"{packages / part} is missing: unpack the four packages with dpkg -x first"
            raise FileNotFoundError(msg)
    texts = (_dictionary(packages), _python(packages), _manual(packages))
    return dict(zip(SOURCES, map(encode, texts), strict=True))


def _dictionary(packages: Path) -> str:
    with gzip.open(packages / _DICTIONARY, "rt", encoding="utf-8", errors="replace") as file:
        text = file.read()
    unmarked = re.sub(r"\[(1913 Webster|Webster 1913 Suppl\.|PJC|WordNet 1\.5|Obs\.)\]", "", text)
    return re.sub(r"\n +", " ", unmarked)


def _python(packages: Path) -> str:
    pages = (
        page.read_text(encoding="utf-8", errors="replace")
        for page in sorted((packages / _PYTHON).rglob("*.html"))
        # The index and the change log are lists, not prose.
        if "genindex" not in page.name and page.name != "changelog.html"
    )
    return " ".join(_visible_text(page) for page in pages)


def _visible_text(page: str) -> str:
    prose = re.sub(r"(?s)<(script|style|head)\b.*?</\1>", "", page)
    return re.sub(r"\n\s*", "\n", html.unescape(re.sub(r"<[^>]+>", "", prose)))


def _manual(packages: Path) -> str:
    pages = []
    for path in sorted((packages / _MANUAL).glob("man*/*.gz")):
        with gzip.open(path, "rt", encoding="utf-8", errors="replace") as file:
            pages.append(file.read())
    roff = r'(?m)^[.\']\\".*$|\\f(?:\[\w*\]|\(..|.)|\\&|\\-|^\.[A-Z]+\s*'
    return re.sub(r"\n+", "\n", re.sub(roff, "", " ".join(pages)))
