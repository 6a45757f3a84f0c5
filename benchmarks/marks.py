"""The place in a page of the documentation, between two marks, that holds what was generated from records."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from rmr_gym.atomic import write_atomically
from rmr_gym.errors import explain


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    r"""Text between two HTML comments, which readers of the page do not see.

    Example:
        >>> place = Place(begin="<!-- begin -->", end="<!-- end -->")
        >>> place.fill("above <!-- begin --> old <!-- end --> below", "new")
        'above <!-- begin -->\n\nnew\n<!-- end --> below'
    """

    begin: str
    """The first mark."""

    end: str
    """The second mark."""

    def fill(self, page: str, content: str) -> str:
        """Return the page with other content between the marks.

        Args:
            page: text with both marks once, the first one above.
            content: Markdown.

        Raises:
            ValueError: when the page lacks the marks or has several.
        """
        between = re.compile(f"{re.escape(self.begin)}.*{re.escape(self.end)}", re.DOTALL)
        if len(between.findall(page)) != 1 or page.count(self.begin) != 1:
            expected = f"one place for tables, from {self.begin} to {self.end}"
            raise ValueError(explain(expected=expected, got="none or several", fix="Add the marks."))
        return between.sub(lambda _: f"{self.begin}\n\n{content}\n{self.end}", page)

    def fill_file(self, page: Path, content: str) -> None:
        """Put other content between the marks of a Markdown file; errors as of `fill`."""
        write_atomically(page, self.fill(page.read_text(encoding="utf-8"), content).encode())


def place_of(record: str) -> Place:
    """Return the place for the tables of a record, by the name of its file.

    Example:
        >>> place_of("control.json").begin
        '<!-- tables of control.json: begin -->'
    """
    return Place(begin=f"<!-- tables of {record}: begin -->", end=f"<!-- tables of {record}: end -->")
