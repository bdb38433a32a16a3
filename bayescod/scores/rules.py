"""The rules that every row of a scores table keeps, as SQL conditions with their messages."""

from __future__ import annotations

from bayescod.scores.checks import Check
from bayescod.scores.tables import Table


def row_checks(table: Table) -> list[Check]:
    """Rules that each row has to keep, given the columns that the table has.

    Parameters
    ----------
    table : Table
        The scores table, without `column_problems`.

    Returns
    -------
    list of Check
        Conditions over the columns of `typed`.
    """
    checks = [
        Check(
            "missing-value",
            name,
            f"{name} IS NULL",
            f"a row has no {name}",
            "a name",
            "fill it in or remove the row",
        )
        for name in ("benchmark", "item_id", "model", "trial")
        if name in table.columns
    ]
    checks += [
        Check(
            "nul-in-name",
            name,
            f"contains({name}, chr(0))",
            f"a {name} holds a NUL character, which no result file can store",
            "a name without control characters",
            "repair the step that wrote the table",
        )
        for name in ("benchmark", "item_id", "model")
        if name in table.columns
    ]
    if "correct" in table.columns:
        checks += _single_trials(table)
    if "n_trials" in table.columns:
        checks += [*number_checks(table, "n_trials"), *_whole("n_trials", 1)]
    if "n_correct" in table.columns:
        checks += [*number_checks(table, "n_correct"), *_whole("n_correct", 0), *_counts(table)]
    if "score" in table.columns:
        checks += [*number_checks(table, "score"), *_soft(table)]
    if "chance" in table.columns:
        checks += chance_checks(table)
    return checks


def number_checks(table: Table, column: str) -> list[Check]:
    """A number is a number, and finite."""
    return [
        Check(
            "not-a-number",
            column,
            f"{column} IS NULL AND {_given(table, column)}",
            "a value is not a number",
            "a number",
            "write digits only: no per cent sign, no thousands separator",
            got=f"raw_{column}",
        ),
        Check(
            "not-finite",
            column,
            f"{column} IS NOT NULL AND NOT isfinite({column})",
            "a value is NaN or infinite",
            "a finite number",
            "remove the row, or repair the step that computed it",
            got=f"raw_{column}",
        ),
    ]


def chance_checks(table: Table) -> list[Check]:
    """Rules of a chance column."""
    return [
        *number_checks(table, "chance"),
        Check(
            "chance-range",
            "chance",
            "isfinite(chance) AND (chance < 0 OR chance >= 1)",
            "a chance level is out of range",
            "a share in [0, 1)",
            "give the score of guessing, 0.25 for four choices",
            got="raw_chance",
        ),
    ]


def _given(table: Table, column: str) -> str:
    """SQL: the row has something in `column`; spares stored numbers the way through text."""
    if column not in table.columns:
        return "FALSE"
    return f"{column if column in table.numeric else f'raw_{column}'} IS NOT NULL"


def _single_trials(table: Table) -> list[Check]:
    given = _given(table, "correct")
    return [
        Check(
            "missing-value",
            "correct",
            f"NOT ({given})",
            "a trial has no result",
            "0 or 1",
            "fill it in or remove the row",
            got="raw_correct",
        ),
        Check(
            "not-binary",
            "correct",
            f"{given} AND (correct IS NULL OR correct NOT IN (0, 1))",
            "a trial is neither right nor wrong",
            "0 or 1",
            "graded answers go into a score column, one row an item",
            got="raw_correct",
        ),
    ]


def _whole(column: str, least: int) -> list[Check]:
    return [
        Check(
            "not-whole",
            column,
            f"isfinite({column}) AND {column} <> floor({column})",
            "a count is not whole",
            "a whole number",
            "give counts; a pass rate goes into a score column",
            got=f"raw_{column}",
        ),
        Check(
            "n-below-1" if least else "negative-count",
            column,
            f"{column} < {least} AND {column} = floor({column})",
            "there is no trial" if least else "a count is negative",
            f"{least} or more",
            "remove rows of items that were not tried" if least else "count the right answers",
            got=f"raw_{column}",
        ),
    ]


def _counts(table: Table) -> list[Check]:
    correct, trials = _given(table, "n_correct"), _given(table, "n_trials")
    score = _given(table, "score")
    return [
        Check(
            "missing-value",
            "n_correct",
            f"NOT ({correct}) AND NOT ({score})",
            "a row has no result",
            "n_trials and n_correct, or a score",
            "fill it in or remove the row",
            got="raw_n_correct",
        ),
        Check(
            "missing-value",
            "n_trials",
            f"NOT ({trials}) AND ({correct})",
            "n_correct without n_trials",
            "the number of trials",
            "fill it in",
            got="raw_n_trials",
        ),
        Check(
            "k-above-n",
            "n_correct",
            "isfinite(n_trials) AND isfinite(n_correct) AND n_correct > n_trials",
            "more right answers than trials",
            "n_correct <= n_trials",
            "check whether the two columns are swapped",
            got="raw_n_correct || ' of ' || raw_n_trials",
        ),
    ]


# Rounding goes both ways. The counts may have been made from the score: half a count. Or the score
# from the counts: one unit of its last decimal (truncation included), of the second decimal at
# least, of the sixth where it was not rounded; 1e-7 lets single precision pass.
_LAST_DECIMAL = (
    "CASE "
    + " ".join(
        f"WHEN abs(score - round(score, {places})) < 1e-7 THEN 1e-{places}"
        for places in range(2, 6)
    )
    + " ELSE 1e-6 END"
)


def _soft(table: Table) -> list[Check]:
    got = "raw_score"
    wanted = "a share in [0, 1]"
    checks = [
        Check(
            "score-range",
            "score",
            "isfinite(score) AND score > 1 AND score <= 100",
            "a score is above 1",
            wanted,
            "it looks like per cent: divide by 100",
            got,
        ),
        Check(
            "score-range",
            "score",
            "isfinite(score) AND (score < 0 OR score > 100)",
            "a score is out of range",
            wanted,
            "rescale it to a share of right answers",
            got,
        ),
    ]
    if "n_correct" not in table.columns:
        missing = f"NOT ({_given(table, 'score')})"
        checks.append(
            Check(
                "missing-value", "score", missing, "a row has no score", wanted, "fill it in", got
            )
        )
    else:
        checks.append(
            Check(
                "score-disagrees",
                "score",
                "isfinite(score) AND isfinite(n_correct) AND n_trials >= 1 AND score <= 1 AND "
                "abs(score * n_trials - n_correct) > 0.5000001 AND "
                f"abs(score - n_correct / n_trials) > 1.0000001 * ({_LAST_DECIMAL})",
                "score and counts disagree beyond rounding",
                "score = n_correct / n_trials",
                "counts are what is used: remove the score column or repair the counts",
                "raw_score || ' for ' || raw_n_correct || ' of ' || raw_n_trials",
            )
        )
    return checks
