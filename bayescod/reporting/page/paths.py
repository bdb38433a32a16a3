"""Names of files without their folders: a page that is mailed says nothing of its machine."""

from __future__ import annotations

import re

# The place in a remark on the input: "[code] file, row 3: what is wrong". An absolute path may hold
# blanks, and may have been cut before its file's name; a relative one must end as tables do.
_ABSOLUTE_PLACE = re.compile(r"^(\[[\w-]+\] )(?:~?/|[A-Za-z]:[/\\])[^:,]*?([^/\\:,]+)(?=[:,])")
_RELATIVE_PLACE = re.compile(
    r"^(\[[\w-]+\] )[^\s:,]*[/\\]([^\s/\\:,]+\.(?:csv|tsv|parquet|jsonl?|ndjson)(?:\.\w+)?)(?=[:,])"
)
# Names of models ("org/name") are no paths; what is absolute and has folders is one.
_ANYWHERE = re.compile(r"""(?<![\w./:<])(?:~?/|[A-Za-z]:[/\\])(?:[^\s/\\:;,"'<>]+[/\\])+""")


def without_folders(text: str) -> str:
    r"""A text with the files in it named without their folders.

    Parameters
    ----------
    text : str

    Returns
    -------
    str

    Examples
    --------
    >>> without_folders("[unknown-columns] /home/me/my runs/models.csv: 2 columns ignored")
    '[unknown-columns] models.csv: 2 columns ignored'
    >>> without_folders("see /srv/runs/a.csv; org/name stays")
    'see a.csv; org/name stays'
    """
    for place in (_ABSOLUTE_PLACE, _RELATIVE_PLACE):
        text = place.sub(lambda found: found[1] + _unless_cut(found[2]), text)
    return _ANYWHERE.sub("", text)


def _unless_cut(name: str) -> str:
    return "…" if name.endswith("…") else name
