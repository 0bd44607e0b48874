"""A report in Markdown as one HTML file with its pictures in it, which fetches nothing and runs nothing."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from pace_edge.errors import PaceEdgeError

if TYPE_CHECKING:
    from markdown_it.token import Token

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
STYLE = """
:root { color-scheme: light dark; --back: #fff; --text: #1d1d1f; --quiet: #5c5c61; --line: #d8d8dc; --head: #f3f3f5;
  --link: #0b57a4; }
@media (prefers-color-scheme: dark) { :root { --back: #17181a; --text: #ececee; --quiet: #a8a8ad; --line: #3a3b3f;
  --head: #232427; --link: #7db4f0; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 62rem; padding: 1rem; background: var(--back); color: var(--text);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.2; }
h2 { font-size: 1.3rem; margin-top: 2.5rem; border-top: 1px solid var(--line); padding-top: 1rem; }
h3 { font-size: 1.05rem; margin-top: 1.75rem; }
a { color: var(--link); }
.wide { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums; overflow-wrap: normal; }
th, td { padding: .3rem .6rem; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { background: var(--head); text-align: left; vertical-align: bottom; white-space: normal; min-width: 5.5rem; }
th:first-child, td:first-child { position: sticky; left: 0; background: var(--back); max-width: 45vw;
  white-space: normal; min-width: 8rem; }
@media (min-width: 40rem) { th:first-child, td:first-child { min-width: 13rem; } }
th:first-child { background: var(--head); }
img { display: block; width: 100%; max-width: 44rem; height: auto; background: #fff; border-radius: 4px; }
pre { overflow-x: auto; background: var(--head); padding: .75rem; border-radius: 4px; font-size: .8125rem; }
code { font-size: .875em; }
"""


def page(markdown: str, pictures: Mapping[str, bytes]) -> str:
    """`pictures` are PNGs by the name that the Markdown shows them by. Raises PaceEdgeError for one it has not."""
    from markdown_it import MarkdownIt
    from markdown_it.renderer import RendererHTML

    def image(self: RendererHTML, tokens: Sequence[Token], i: int, options: Any, env: Any) -> str:
        name = str(tokens[i].attrs["src"])
        if name not in pictures:
            raise PaceEdgeError(
                f"the page shows a picture that is none of the report's: {name}",
                expected="one of " + ", ".join(pictures), do="Take it out of the analysis, or link to it.",
            )  # fmt: skip
        tokens[i].attrs["src"] = "data:image/png;base64," + base64.b64encode(pictures[name]).decode()
        return self.image(tokens, i, options, env)

    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    parser.validateLink = _is_harmless  # type: ignore[method-assign]
    parser.add_render_rule("image", image)
    tokens = parser.parse(markdown)
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open":
            opening.attrs["id"] = anchor(inline.content)
    title = next((inline.content for opening, inline in pairwise(tokens) if opening.tag == "h1"), "")
    body = parser.renderer.render(tokens, parser.options, {})
    body = body.replace("<table>", '<div class="wide" tabindex="0" role="region" aria-label="Table"><table>')
    body = body.replace("</table>", "</table></div>")
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n{body}</body>\n</html>\n"
    )


def _is_harmless(url: str) -> bool:
    """A link that a reader may follow: to this page, a file beside it, or the web."""
    return re.match(r"(?![a-z][a-z0-9+.-]*:)|https?:", url.strip(), re.IGNORECASE) is not None


def anchor(heading: str) -> str:
    """What a heading is linked to by, here as on the usual forges."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")
