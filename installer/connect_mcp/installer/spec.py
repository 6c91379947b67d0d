"""What a host must reach: the same value for every host, which each row renders into its own dialect and reads back."""

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

from connect_mcp.base.record import field, record

Transport = Literal["stdio", "http", "sse"]
"""How a server is spoken to; "http" is Streamable HTTP, "sse" its predecessor of 2024-11-05."""

ReferenceKind = Literal["env", "input", "secret", "file", "workspace", "workspace-name", "home", "separator"]


class Reference(NamedTuple):
    """Something that the host puts in when it starts or calls the server.

    Attributes:
        kind: "env": a variable of the host's environment; "input": what the host asks a person for; "secret": from the
            host's own store; "file": a file's content; the others: a folder or a sign that the host knows.
        name: which one; "" for the kinds of which there is one.
        default: what stands in for a variable that is not set; None where nothing does.
    """

    kind: ReferenceKind
    name: str = ""
    default: str | None = None

    def __str__(self) -> str:
        default = "" if self.default is None else f":-{self.default}"
        return "${" + (f"{self.kind}:{self.name}" if self.name else self.kind) + default + "}"


class Template(str):
    """A text with references in it; as a string it is a neutral spelling for people, which is no host's own.

    Attributes:
        parts: literal texts and references, in order.
    """

    parts: tuple[str | Reference, ...]

    def __new__(cls, *parts: str | Reference) -> "Template":  # noqa: D102, PYI034 - Self needs Python 3.11
        self = super().__new__(cls, "".join(map(str, parts)))
        self.parts = parts
        return self

    @property
    def references(self) -> tuple[Reference, ...]:
        """The references in it."""
        return tuple(part for part in self.parts if isinstance(part, Reference))

    def filled(self, value: Callable[[Reference], str | None]) -> str | None:
        """The text with the values of its references; None where one has none."""
        texts = [value(part) if isinstance(part, Reference) else part for part in self.parts]
        return "".join(text for text in texts if text is not None) if None not in texts else None


@record
class ServerSpec:
    """A server: a child process spoken to over its stdin and stdout, or a URL.

    Any of the texts may be a `Template`.

    Attributes:
        command: the program: a path, or a name that the host looks up; "" for a remote server.
        args: its arguments.
        env: variables that the host sets for it beyond those it passes on; never shown, since they may hold secrets.
        cwd: the folder it is started in; "" for the host's own choice.
        url: where a remote server is; "" for one that is started.
        transport: how it is spoken to.
        headers: HTTP headers sent to a remote server; never shown, since they may hold secrets.
    """

    command: str = ""
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    cwd: str = ""
    url: str = ""
    transport: Transport = "stdio"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def is_remote(self) -> bool:
        """Whether it is reached by its URL."""
        return self.transport != "stdio"

    @property
    def references(self) -> tuple[Reference, ...]:
        """The references in its texts."""
        texts = (self.command, *self.args, *self.env.values(), self.cwd, self.url, *self.headers.values())
        return tuple(reference for text in texts if isinstance(text, Template) for reference in text.references)

    def mapped(self, change: Callable[[str, str], str]) -> "ServerSpec":
        """The same server with every text changed.

        Args:
            change: from the field's name ("command", "args", "env", "cwd", "url", "headers") and a text to the new one.
        """
        return ServerSpec(
            command=change("command", self.command),
            args=tuple(change("args", text) for text in self.args),
            env={key: change("env", text) for key, text in self.env.items()},
            cwd=change("cwd", self.cwd),
            url=change("url", self.url),
            transport=self.transport,
            headers={key: change("headers", text) for key, text in self.headers.items()},
        )
