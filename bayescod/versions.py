"""What, besides its arguments, the draws of a compiled program depend on."""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from pathlib import Path
from typing import Final

import jax

from bayescod import __version__

_PACKAGES: Final = ("jax", "jaxlib", "numpyro", "numpy", "arviz")
# Judgement is among them: it says which posteriors are sampled once more.
_SOURCES: Final = (
    *("programs/*.py", "compiling.py", "laws.py", "curves.py", "sampling.py"),
    *("specs.py", "spec_reading.py", "convergence.py", "_arviz.py"),
)


def code_version() -> str:
    """Everything besides its arguments that the draws of a compiled program depend on.

    Returns
    -------
    str
        Versions, digest of the code that samples, and what JAX runs on.
    """
    root = Path(__file__).parent
    digest = hashlib.sha256()
    for pattern in _SOURCES:
        for path in sorted(root.glob(pattern)):
            digest.update(path.read_bytes())
    packages = [f"{name} {version(name)}" for name in _PACKAGES]
    machine = f"{jax.default_backend()} {jax.device_count()} {jax.config.values['jax_enable_x64']}"
    return " ".join([__version__, digest.hexdigest(), *packages, machine])
