"""The laws that every edit of every format keeps, as one function over a document and a server's entry."""

from collections.abc import Mapping

from connect_mcp.installer.editors.engine import apply_splices, edit, read, reverse
from connect_mcp.installer.editors.model import Format, Put, Remove, Section, Splice, Value

OTHER = {"command": "/opt/other/bin/other-server", "args": ["--port", "0"]}


def inverse(text: str, splices: tuple[Splice, ...]) -> tuple[Splice, ...]:
    """The splices that turn `apply_splices(text, splices)` back into `text`."""
    back, shift = [], 0
    for splice in splices:
        start = splice.start + shift
        back.append(Splice(start, start + len(splice.text), text[splice.start : splice.end]))
        shift += len(splice.text) - (splice.end - splice.start)
    return tuple(back)


def check_laws(
    text: str,
    fmt: Format,
    section: Section,
    entry: Mapping[str, Value],
    *,
    name: str = "connect",
    top: Mapping[str, Value] | None = None,
) -> str:
    """Check every law on one document that does not have the entry yet, and return the text with it."""
    put = Put(section, name, entry, top=top or {})
    before = read(text, fmt, section)
    assert name not in before, "the law's document must not hold the entry yet"
    assert edit(text, fmt, [Remove(section, name)]).new == text, "removing what is not there changes no byte"

    added = edit(text, fmt, [put])
    after = read(added.new, fmt, section)
    assert list(after) == [*before, name], "the entry comes after the others"
    assert all(after[key] == value for key, value in before.items())

    current = text
    for splices in added.steps:  # every byte outside the splices is the one that was there
        back = inverse(current, splices)
        current = apply_splices(current, splices)
        assert apply_splices(current, back) != current or not splices
    assert current == added.new

    assert not edit(added.new, fmt, [put]).changed, "adding twice equals adding once"
    assert reverse(added, [put], added.new, fmt).new == text, "add, then take back, gives the bytes back"

    removed = edit(added.new, fmt, [Remove(section, name)])
    assert read(removed.new, fmt, section) == before, "without a record only the entry goes"

    other = Put(section, "zz-other", OTHER)
    both = edit(edit(text, fmt, [put]).new, fmt, [other]).new
    turned = edit(edit(text, fmt, [other, put]).new, fmt, []).new
    assert sorted(read(both, fmt, section).items(), key=lambda pair: pair[0]) == sorted(
        read(turned, fmt, section).items(), key=lambda pair: pair[0]
    ), "two adds commute up to the order of the two entries"
    later = reverse(added, [put], both, fmt)
    assert read(later.new, fmt, section) == {**before, "zz-other": read(both, fmt, section)["zz-other"]}
    return added.new
