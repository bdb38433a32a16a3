"""Run lm-evaluation-harness offline on two local tasks with a model that knows what it got right.

Started by the interpreter that has the tool: ``python _real_lm_eval.py FOLDER [OPTION...]``.
"""

from __future__ import annotations

import json
import random
import sys
from collections import defaultdict
from pathlib import Path

from lm_eval.__main__ import cli_evaluate
from lm_eval.api.model import LM
from lm_eval.api.registry import register_model

FOLDER = Path(sys.argv[1])
TRUTH: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
TASK = """task: {name}
dataset_path: json
dataset_kwargs:
  data_files:
    test: {data}
output_type: {kind}
test_split: test
doc_to_text: "{{{{question}}}}"
metadata:
  version: 1.0
"""
SAMPLED = r"""doc_to_target: "{{answer}}"
repeats: 4
generation_kwargs: {until: ["\n"], do_sample: true, temperature: 0.8}
filter_list:
  - name: first
    filter: [{function: regex, regex_pattern: "(n\\d+)"}, {function: take_first}]
  - name: all
    filter: [{function: regex, regex_pattern: "(n\\d+)"}, {function: take_first_k, k: 4}]
metric_list:
  - {metric: exact_match, aggregation: mean, higher_is_better: true}
"""
CHOSEN = """doc_to_target: gold
doc_to_choice: "{{choices}}"
metric_list:
  - {metric: acc, aggregation: mean, higher_is_better: true}
"""


def answer(question: str) -> int:
    return sum(map(int, question.removeprefix("What is ").removesuffix("?").split("+")))


@register_model("sampler")
class Sampler(LM):
    """Right half of the time; notes what it got right."""

    def __init__(self, pretrained: str = "", **_: object) -> None:
        super().__init__()
        self.rng = random.Random(pretrained)  # noqa: S311

    @classmethod
    def create_from_arg_obj(cls, arg_dict, additional_config=None):
        return cls(**arg_dict)

    @property
    def tokenizer_name(self) -> str:
        return "none"

    def generate_until(self, requests, disable_tqdm=False):
        found = []
        for request in requests:
            question = request.arguments[0].strip()
            right = self.rng.random() < 0.5
            TRUTH["sampled"][question].append(int(right))
            found.append(f" n{answer(question) + (not right)}")
        return found

    def loglikelihood(self, requests, disable_tqdm=False):
        best: dict[str, tuple[float, int]] = {}
        found = []
        for request in requests:
            question, choice = (text.strip() for text in request.arguments)
            value = -self.rng.random()
            right = int(choice == str(answer(question)))
            best[question] = max(best.get(question, (-2.0, 0)), (value, right))
            found.append((value, False))
        for question, (_, right) in best.items():
            TRUTH["chosen"][question] = [right]
        return found

    def loglikelihood_rolling(self, requests, disable_tqdm=False):
        return [0.0 for _ in requests]


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    data = FOLDER / "sums.jsonl"
    documents = [
        {
            "id": f"sum-{first}",
            "question": f"What is {first}+{first + 1}?",
            "answer": f"n{2 * first + 1}",  # lm-eval 0.5 would make a number of mere digits
            "choices": [str(2 * first + 1), str(2 * first), "99"],
            "gold": 0,
        }
        for first in range(8)
    ]
    data.write_text("".join(json.dumps(one) + "\n" for one in documents))
    tasks = FOLDER / "tasks"
    tasks.mkdir(exist_ok=True)
    for name, kind, rest in (
        ("sampled", "generate_until", SAMPLED),
        ("chosen", "multiple_choice", CHOSEN),
    ):
        head = TASK.format(name=name, data=data, kind=kind)
        (tasks / f"{name}.yaml").write_text(head + rest)
    sys.argv = [
        "lm_eval",
        *("--model", "sampler", "--model_args", "pretrained=org/toy"),
        *("--tasks", "sampled,chosen", "--include_path", str(tasks)),
        *("--output_path", str(FOLDER / "logs"), "--log_samples"),
        *sys.argv[2:],
    ]
    cli_evaluate()
    (FOLDER / "truth.json").write_text(json.dumps(TRUTH))


if __name__ == "__main__":
    main()
