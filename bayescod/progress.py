"""What long computations tell about themselves, whoever listens."""

from __future__ import annotations

from typing import Final, Protocol


class Progress(Protocol):
    """What long computations tell about themselves."""

    def phase(self, name: str, total: int) -> None:
        """Begin a phase of ``total`` steps; the phase before is over."""

    def advance(self, text: str = "") -> None:
        """Finish one step of the phase; ``text`` says which."""


class Silence:
    """Progress that nobody sees."""

    def phase(self, name: str, total: int) -> None:
        """Do nothing."""

    def advance(self, text: str = "") -> None:
        """Do nothing."""


SILENCE: Final[Progress] = Silence()
