"""What is no test module: scripts that need the tools they run."""

from __future__ import annotations

collect_ignore = ["_real_inspect.py", "_real_lm_eval.py"]
