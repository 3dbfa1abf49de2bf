"""What all pages share: head, navigation, tables, formulas that scroll."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .markup import Markup, el, join

# Scripts and styles are files of this site: 'self' where it is served, file: where it is opened from disk.  Nothing
# else may be loaded, and neither inline scripts nor event handlers nor style attributes work.
POLICY = "default-src 'none'; script-src 'self' file:; style-src 'self' file:; base-uri 'none'; form-action 'none'"
GENERATOR = "gdverify"


def page(title: str, body: Any, *, root: str, here: str = "") -> str:
    """A whole page.

    Parameters
    ----------
    root : relative path from the page to the site's folder: "" or "../"
    here : file name of the entry of the navigation that is this page
    """
    head = el(
        "head",
        el("meta", charset="utf-8"),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="color-scheme", content="light dark"),
        el("meta", name="referrer", content="no-referrer"),
        el("meta", name="generator", content=GENERATOR),
        el("title", title),
        el("link", rel="stylesheet", href=f"{root}static/site.css"),
        el("script", src=f"{root}static/site.js", defer=True),
    )
    entries = [("index.html", "Claims"), ("findings.html", "Findings"), ("papers.html", "Papers")]
    links = [
        el("li", el("a", words, href=root + file, aria_current="page" if file == here else None))
        for file, words in entries
    ]
    header = el(
        "header",
        el("p", el("a", "gdverify", href=f"{root}index.html"), " report", class_="site"),
        el("nav", el("ul", links), aria_label="Site"),
    )
    foot = el(
        "footer",
        el(
            "p",
            "Made by gdverify from the JSON report of the run. A pass does not mean that the encoding says what the "
            "paper says: read the statement and the assumptions.",
        ),
    )
    skip = el("a", "Skip to the content", class_="skip", href="#content")
    content = el("body", skip, header, el("main", body, id="content", tabindex="-1"), foot)
    return f"<!DOCTYPE html>\n{el('html', head, content, lang='en')}\n"


def table(
    caption: Any, head: Sequence[Any], rows: Sequence[Sequence[Any]], *, name: str, numbers: Sequence[int] = ()
) -> Markup:
    """A table in a container of its own that scrolls; the first cell of a row is its header.

    Parameters
    ----------
    name : plain words for the scrolling region
    numbers : columns set flush right
    """
    right = set(numbers)

    def cell(tag: str, k: int, content: Any, **more: Any) -> Markup:
        return el(tag, content, class_="n" if k in right else None, **more)

    top = el("thead", el("tr", [cell("th", k, h, scope="col") for k, h in enumerate(head)]))
    body = [
        el("tr", [cell("th", 0, row[0], scope="row"), *(cell("td", k, c) for k, c in enumerate(row[1:], 1))])
        for row in rows
    ]
    whole = el("table", el("caption", caption), top, el("tbody", join(body)))
    return scrolling(whole, name)


def scrolling(content: Any, name: str) -> Markup:
    """Wide content that scrolls by itself, by keyboard too."""
    return el("div", content, class_="scroll", role="group", aria_label=name, tabindex="0")


def section(identity: str, heading: Any, *children: Any, level: int = 2) -> Markup:
    """A section with its heading, which a link can point to."""
    return el("section", el(f"h{level}", heading, id=identity), *children)


def copyable(source: str, name: str) -> Markup:
    """Source to be copied; the button is added by the script, where there is one."""
    return el("pre", el("code", source), class_="copy", tabindex="0", aria_label=name)
