"""The page on reading the answer names what the package can say, and nothing else."""

import ast
import re
from pathlib import Path

import pytest

import bayescod
from bayescod.cli.app import app
from bayescod.forecasting.codec import to_json
from bayescod.reporting.page.words import likelihood
from tests._factories import make_benchmark, make_set

ROOT = Path(__file__).parents[2]
PACKAGE = Path(bayescod.__file__).parent
PAGE = (ROOT / "examples" / "reading-the-answer.md").read_text(encoding="utf-8")
CHECK = re.compile(r"BC\d{3}")
CODE = re.compile(r"[a-z]+(-[a-z]+)*")
# Where the remarks are made that do not stop a run.
REMARKS = {
    "scores/cautions.py": None,
    "scores/chance.py": {"chance_warnings"},
    "scores/checks.py": {"unknown_columns"},
    "scores/models.py": {"filled_warning"},
    "scores/selection.py": {"_warnings"},
}


def texts(node):
    """String constants below a node."""
    found = (child for child in ast.walk(node) if isinstance(child, ast.Constant))
    return {child.value for child in found if isinstance(child.value, str)}


def codes_of_reasons(tree):
    """First arguments of ``Reason``: written there, or the values of the name written there."""
    found = set()
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Reason"):
            continue
        first = node.args[0]
        if isinstance(first, ast.Constant):
            found.add(first.value)
        elif isinstance(first, ast.Name):
            for other in ast.walk(tree):
                if isinstance(other, ast.Assign) and first.id in {
                    name.id for name in ast.walk(other) if isinstance(name, ast.Name)
                }:
                    found |= {text for text in texts(other.value) if CODE.fullmatch(text)}
    return found


def reasons():
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in PACKAGE.rglob("*.py"))
    return set().union(*map(codes_of_reasons, trees))


def checks():
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in PACKAGE.rglob("*.py"))
    return {text for tree in trees for text in texts(tree) if CHECK.fullmatch(text)}


def remarks():
    found = set()
    for name, functions in REMARKS.items():
        tree = ast.parse((PACKAGE / name).read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and (functions is None or node.name in functions):
                found |= {text for text in texts(node) if "-" in text and CODE.fullmatch(text)}
    return found


def listed(*headings):
    """Codes in the first column of the tables under some headings."""
    found = set()
    for heading in headings:
        section = re.split(rf"^#+ {re.escape(heading)}$", PAGE, flags=re.MULTILINE)[1]
        section = re.split(r"^#+ ", section, flags=re.MULTILINE)[0]
        for row in re.findall(r"^\| (`[^|]+) \|", section, re.MULTILINE):
            found |= set(re.findall(r"`([^`]+)`", row))
    return found


def test_the_search_sees_codes_in_names_and_calls():
    code = 'if x: Reason("one", y)\ncode, w = ("two", A) if p else ("three", B)\nReason(code, z)'
    assert codes_of_reasons(ast.parse(code)) == {"one", "two", "three"}
    assert {"few-trials", "pooled", "law-weights"} <= reasons()
    assert {"BC101", "BC205"} <= checks()
    assert {"all-zero", "token-ratio", "compute-filled"} <= remarks()


def test_every_reason_is_on_the_page_and_no_other():
    page = listed(
        "Why a forecast is end-to-end and not COD",
        "Remarks on how a forecast was made",
        "Verdicts of `bayescod compare`",
    )
    assert page == reasons()


def test_every_check_is_on_the_page_and_no_other():
    assert listed("Checks (`bayescod check DIR`)") == checks()


def test_every_remark_on_the_input_is_on_the_page_and_no_other():
    assert listed("Remarks on the input") == remarks()


def test_every_verb_is_on_the_page():
    verbs = {command.name or command.callback.__name__ for command in app.registered_commands}
    assert "forecast" in verbs
    missing = {verb for verb in verbs if f"`bayescod {verb}`" not in PAGE}
    assert not missing


def test_every_field_of_forecast_json_is_on_the_page():
    document = to_json(make_set(make_benchmark()))
    fields = {*document, *document["benchmarks"][0], *document["benchmarks"][0]["diagnostics"]}
    assert "latent_score" in fields
    missing = {name for name in fields if f"`{name}`" not in PAGE and f"`{name}[]`" not in PAGE}
    assert not missing


def test_every_heading_of_the_report_is_on_the_page():
    template = PACKAGE / "reporting" / "page" / "report.html.jinja"
    shown = template.read_text(encoding="utf-8").split('id="technical"')[0]
    headings = re.findall(r"<h[23]>([^<{]+)</h", shown)
    assert "What is assumed" in headings
    assert {name for name in headings if f"| {name} |" not in PAGE} == set()


def test_words_of_chance_are_those_of_the_report():
    scale = re.findall(r'below (\d+) % "([a-z ]+)"', PAGE)
    assert len(scale) == 7
    for percent, word in scale:
        assert likelihood(int(percent) / 100 - 1e-6).endswith(f"({word})")
        assert not likelihood(int(percent) / 100).endswith(f"({word})")
    assert 'from there "almost certain"' in PAGE
    assert likelihood(0.95).endswith("(almost certain)")


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)]+)\)", PAGE))
def test_links_lead_somewhere(link):
    if link.startswith("#"):
        heads = re.findall(r"^#+ (.+)$", PAGE, re.MULTILINE)
        anchors = {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}
        assert link[1:] in anchors
    else:
        assert (ROOT / "examples" / link).exists()
