"""The HTML of a page: sections, tables and pictures, all inside one file."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from io import BytesIO
from string import Template
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Section:
    """One chapter of a page.

    Parameters
    ----------
    key : str
        Its anchor, unique on the page.
    title : str
    body : str
        HTML, as `paragraph`, `table` and `picture` give it.
    """

    key: str
    title: str
    body: str


@dataclass(frozen=True)
class Page:
    """A page: what runs and studies have in common.

    Parameters
    ----------
    title, summary : str
        Plain text.
    sections : tuple of Section
    generator : str
        Program and version.
    """

    title: str
    summary: str
    sections: tuple[Section, ...]
    generator: str


def render(page: Page) -> str:
    """Write a page as HTML that loads nothing from anywhere.

    Parameters
    ----------
    page : Page

    Returns
    -------
    str

    Examples
    --------
    >>> text = render(Page("Demo", "", (Section("one", "One", paragraph("a < b")),), "test"))
    >>> "a &lt; b" in text
    True
    """
    folder = files("rexdynnet.report")
    template = Template((folder / "page.html").read_text(encoding="utf-8"))
    links = (f'<a href="#{escape(one.key)}">{escape(one.title)}</a>' for one in page.sections)
    bodies = (
        f'<section id="{escape(one.key)}">\n<h2>{escape(one.title)}</h2>\n{one.body}\n</section>'
        for one in page.sections
    )
    return template.substitute(
        title=escape(page.title),
        summary=escape(page.summary),
        generator=escape(page.generator),
        style=(folder / "page.css").read_text(encoding="utf-8"),
        contents="\n".join(links),
        sections="\n".join(bodies),
    )


def paragraph(text: str) -> str:
    """Plain text as a paragraph."""
    return f"<p>{escape(text)}</p>"


def heading(key: str, text: str) -> str:
    """A heading below a section's, which links can name by `key`."""
    return f'<h3 id="{escape(key)}">{escape(text)}</h3>'


def link(key: str, text: str) -> str:
    """A link to a section or heading of the same page, for a cell of a table."""
    return f'<a href="#{escape(key)}">{escape(text)}</a>'


def verbatim(text: str) -> str:
    """Text of a file, line by line."""
    return f"<pre>{escape(text)}</pre>"


def table(
    head: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Iterable[int] = ()
) -> str:
    """A table that scrolls by itself where the screen is narrow.

    Parameters
    ----------
    head : sequence of str
        Plain text.
    rows : iterable of sequence of str
        Plain text, or what `link` gave.
    numbers : iterable of int
        Columns to align to the right.

    Returns
    -------
    str
    """
    right = set(numbers)

    def cells(tag: str, row: Sequence[str]) -> str:
        return "".join(
            f"<{tag}{' class=number' if column in right else ''}>{_cell(cell)}</{tag}>"
            for column, cell in enumerate(row)
        )

    body = "\n".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return (
        f'<div class="wide"><table>\n<thead><tr>{cells("th", head)}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody></table></div>"
    )


def picture(figure: Figure, text: str) -> str:
    """A figure inside the page.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    text : str
        What it shows, read out where pictures cannot be seen.

    Returns
    -------
    str
    """
    buffer = BytesIO()
    figure.savefig(buffer, format="png")
    data = b64encode(buffer.getvalue()).decode("ascii")
    width, height = figure.get_size_inches()
    size = f'width="{150 * width:.0f}" height="{150 * height:.0f}"'
    return (
        f'<figure><div class="wide"><img {size} alt="{escape(text)}" '
        f'src="data:image/png;base64,{data}"></div>'
        f"<figcaption>{escape(text)}</figcaption></figure>"
    )


def _cell(text: str) -> str:
    return text if text.startswith('<a href="#') else escape(text)
