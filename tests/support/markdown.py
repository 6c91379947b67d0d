"""Markdown as a reader's program takes it apart."""


def parted(markdown: str) -> tuple[list[str], list[str]]:
    """The lines inside fences of text, and those outside; every fence is closed."""
    inside: list[str] = []
    outside: list[str] = []
    fence = ""
    for line in markdown.splitlines():
        if not fence and line.endswith("`text"):
            fence = line.removesuffix("text")
        elif line == fence:
            fence = ""
        else:
            (inside if fence else outside).append(line)
    assert fence == ""
    return inside, outside
