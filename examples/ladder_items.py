"""The benchmarks of the text ladder: words to complete from their context and first letters.

Everything here was fixed before any held-out model was scored. Items are drawn by a seed from the
held-out part of a source; their names hold no text.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from ladder_corpus import Codes, decode, encode

ITEMS = 1_000
SEED = 20_261_122
CONTEXT = 52
LONGEST_ENDING = 9

_WORD_LENGTHS = range(6, 13)
_GIVEN_LETTERS = 4
_CHOICE_GIVEN_LETTERS = 1
_CHOICE_WORD_LENGTHS = range(5, 10)


@dataclass(frozen=True, slots=True)
class Benchmark:
    """How the items of one benchmark are made.

    Attributes
    ----------
    name, source : str
        Name of the benchmark and of the text it is drawn from.
    ending : int or None
        Characters to write, starting inside a word; None is the rest of the word.
    candidates : int
        Endings to choose from; 1 is free writing.
    description : str
        One sentence for the data set's table.
    """

    name: str
    source: str
    ending: int | None
    candidates: int
    description: str

    @property
    def chance(self) -> float:
        """Mean pass rate of a model that knows nothing: 0 when writing freely."""
        return 0.0 if self.candidates == 1 else 1.0 / self.candidates


def _next(source: str, count: int) -> Benchmark:
    what = "character" if count == 1 else f"{count} characters"
    text = f"Write the next {what} of a text, the first one inside a word."
    return Benchmark(f"{source}-{count}", source, count, 1, text)


def _rest(source: str) -> Benchmark:
    text = "Write the rest of a word of 6 to 12 letters, the first 4 are given."
    return Benchmark(f"{source}-word", source, None, 1, text)


BENCHMARKS = (
    _next("dictionary", 1),
    _next("dictionary", 2),
    _next("dictionary", 4),
    _rest("dictionary"),
    _next("python", 2),
    _rest("python"),
    _next("manual", 1),
    _rest("manual"),
    Benchmark(
        "manual-choice",
        "manual",
        None,
        4,
        "Choose the rest of a word of 5 to 9 letters, 1 letter is given: the probability is "
        "renormalised over it and those of 3 other words of the same length and first letter.",
    ),
)


@dataclass(frozen=True, slots=True, eq=False)
class Items:
    """Items of one benchmark, as arrays.

    Attributes
    ----------
    item_id : tuple of str
        Names; number and benchmark only.
    contexts : uint8 array [item, CONTEXT]
        The text before, its last characters are the word's given letters.
    endings : uint8 array [item, candidate, LONGEST_ENDING]
        The right ending first, padded at the right.
    lengths : int array [item]
        Length of the endings in characters, between 1 and LONGEST_ENDING.
    """

    item_id: tuple[str, ...]
    contexts: npt.NDArray[np.uint8]
    endings: npt.NDArray[np.uint8]
    lengths: npt.NDArray[np.int64]


def make_items(held_out: Mapping[str, Codes], count: int = ITEMS) -> dict[str, Items]:
    """Draw the items of every benchmark.

    Parameters
    ----------
    held_out : mapping of str to uint8 array [character]
        Held-out codes by source.
    count : int
        Items of a benchmark.

    Returns
    -------
    dict of str to Items
        Items by benchmark, in the order of `BENCHMARKS`.

    Raises
    ------
    ValueError
        If a source has too few words for `count` different items.
    """
    texts = {source: decode(codes) for source, codes in held_out.items()}
    return {
        benchmark.name: _make(benchmark, texts[benchmark.source], count, np.random.default_rng(key))
        for benchmark, key in zip(
            BENCHMARKS, np.random.SeedSequence(SEED).spawn(len(BENCHMARKS)), strict=True
        )
    }


def _make(benchmark: Benchmark, text: str, count: int, rng: np.random.Generator) -> Items:
    if benchmark.candidates > 1:
        drawn = _draw_choices(text, benchmark.candidates, count, rng)
    elif benchmark.ending is None:
        drawn = _draw_words(text, count, rng)
    else:
        drawn = _draw_continuations(text, benchmark.ending, count, rng)
    if len(drawn) < count:
        msg = f"{benchmark.name}: wanted {count} items, the held-out text gives {len(drawn)}"
        raise ValueError(msg)
    endings = np.zeros((count, benchmark.candidates, LONGEST_ENDING), np.uint8)
    for item, (_, candidates) in enumerate(drawn):
        for place, ending in enumerate(candidates):
            endings[item, place, : len(ending)] = encode(ending)
    return Items(
        item_id=tuple(f"{benchmark.name}-{item:04d}" for item in range(count)),
        contexts=np.stack([encode(text[start - CONTEXT : start]) for start, _ in drawn]),
        endings=endings,
        lengths=np.array([len(candidates[0]) for _, candidates in drawn]),
    )


Drawn = list[tuple[int, tuple[str, ...]]]


def _draw_continuations(text: str, length: int, count: int, rng: np.random.Generator) -> Drawn:
    inside = [
        match.start() + 1
        for match in re.finditer(r"[a-z](?=[a-z])", text)
        if CONTEXT <= match.start() + 1 <= len(text) - length
    ]
    starts = rng.permutation(inside)[:count].tolist()
    return [(start, (text[start : start + length],)) for start in starts]


def _words(text: str, lengths: range) -> list[tuple[int, str]]:
    return [
        (match.start(), match.group())
        for match in re.finditer(r"(?<![a-z])[a-z]+(?![a-z])", text)
        if len(match.group()) in lengths and match.start() >= CONTEXT
    ]


def _draw_words(text: str, count: int, rng: np.random.Generator) -> Drawn:
    words = _words(text, _WORD_LENGTHS)
    chosen = (words[place] for place in rng.permutation(len(words))[:count])
    return [(start + _GIVEN_LETTERS, (word[_GIVEN_LETTERS:],)) for start, word in chosen]


def _draw_choices(text: str, candidates: int, count: int, rng: np.random.Generator) -> Drawn:
    words = _words(text, _CHOICE_WORD_LENGTHS)
    given = _CHOICE_GIVEN_LETTERS
    alike: dict[tuple[str, int], set[str]] = {}
    for _, word in words:
        alike.setdefault((word[:given], len(word)), set()).add(word)
    drawn: Drawn = []
    for place in rng.permutation(len(words)):
        if len(drawn) == count:
            break
        start, word = words[place]
        # Sorted: the order of a set changes from process to process.
        others = sorted(alike[word[:given], len(word)] - {word})
        if len(others) >= candidates - 1:
            wrong = rng.choice(others, candidates - 1, replace=False).tolist()
            drawn.append((start + given, tuple(each[given:] for each in (word, *wrong))))
    return drawn
