"""Run Inspect offline on a local task with a model that knows what it got right.

Started by the interpreter that has the tool: ``python _real_inspect.py FOLDER``.
"""

from __future__ import annotations

import json
import random
import sys
from collections import defaultdict
from pathlib import Path

import inspect_ai
from inspect_ai import Epochs, Task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import match
from inspect_ai.solver import generate

FOLDER = Path(sys.argv[1])
TRUTH: dict[str, list[int]] = defaultdict(list)


def answered(messages, tools, tool_choice, config):
    question = messages[-1].text
    total = sum(map(int, question.removeprefix("What is ").removesuffix("?").split("+")))
    right = RNG.random() < 0.5
    TRUTH[question].append(int(right))
    output = ModelOutput.from_content("mockllm/model", str(total + (not right)))
    output.usage = ModelUsage(input_tokens=9, output_tokens=2, total_tokens=11)
    return output


def arith() -> Task:
    samples = [
        Sample(id=f"sum-{n}", input=f"What is {n}+{n + 1}?", target=str(2 * n + 1))
        for n in range(8)
    ]
    return Task(
        name="arith",
        dataset=MemoryDataset(samples),
        solver=[generate()],
        scorer=[match(numeric=True)],
        epochs=Epochs(4, ["mean", "pass_at_2"]),
    )


for kind in ("eval", "json"):
    RNG = random.Random(kind)  # noqa: S311
    TRUTH.clear()
    model = get_model("mockllm/toy", custom_outputs=answered, memoize=False)
    folder = FOLDER / kind
    logs = inspect_ai.eval(
        arith(), model=model, log_format=kind, log_dir=str(folder), display="none"
    )
    if logs[0].status != "success":
        sys.exit(str(logs[0].error))
    (folder.parent / f"truth-{kind}.json").write_text(json.dumps(TRUTH))
