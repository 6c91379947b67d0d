"""One HTML page that stands alone: no script, no font, nothing fetched; it works from a file.

What comes from a server, a host or a profile is escaped by whoever writes it into the page, and a policy in the page
forbids whatever would slip through. Light or dark follows the reader's system.
"""

from collections.abc import Iterable, Iterator
from html import escape

_STYLE = """
:root { color-scheme: light dark; --line: #d0d7de; --soft: #f6f8fa; --good: #1a7f37; --bad: #cf222e; --so: #9a6700;
        --dim: #59636e; --text: #1f2328; --page: #ffffff; }
@media (prefers-color-scheme: dark) {
  :root { --line: #3d444d; --soft: #151b23; --good: #3fb950; --bad: #f85149; --so: #d29922; --dim: #9198a1;
          --text: #f0f6fc; --page: #0d1117; }
}
body { font: 16px/1.5 system-ui, sans-serif; color: var(--text); background: var(--page); max-width: 72rem;
       margin: 2rem auto; padding: 0 1rem; }
code, pre { font: 13px/1.5 ui-monospace, monospace; }
pre { background: var(--soft); border: 1px solid var(--line); border-radius: 6px; padding: .75rem; overflow-x: auto;
      white-space: pre-wrap; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; }
th, td { border: 1px solid var(--line); padding: .35rem .6rem; text-align: left; vertical-align: top; }
th { background: var(--soft); }
td.sign { text-align: center; width: 6rem; }
details { border: 1px solid var(--line); border-radius: 6px; padding: .5rem .75rem; margin: .5rem 0; }
summary { cursor: pointer; }
.pass, .works { color: var(--good); } .fail, .fails, .bug-in-the-case { color: var(--bad); }
.warn, .loses, .inconclusive { color: var(--so); } .not-applicable, .not-observed, .risk { color: var(--dim); }
dt { font-weight: 600; } dd { margin: 0 0 .5rem; } ul { margin: .25rem 0; padding-left: 1.25rem; }
"""


def page(title: str, body: Iterable[str], style: str = "") -> str:
    """The page as text.

    Args:
        title: of the window; it is escaped here.
        body: lines of HTML. Pictures in it are data of the page itself.
        style: more CSS than all pages have.
    """
    return "\n".join((*_head(title, style), *body, "</body></html>")) + "\n"


def listed(lines: Iterable[str]) -> Iterator[str]:
    """Texts as a list."""
    yield "<ul>"
    yield from (f"<li>{escape(line)}</li>" for line in lines)
    yield "</ul>"


def _head(title: str, style: str) -> Iterator[str]:
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    yield "<!doctype html>"
    yield '<html lang="en"><head><meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{escape(title)}</title><style>{_STYLE}{style}</style></head><body>"
