"""A server at a URL, as the other side of a replay."""

from collections.abc import Mapping
from types import TracebackType

from connect_mcp.base.errors import Refused

from .http_client import Unreachable
from .http_subject import HttpSubject


class HttpPeer:
    """A conversation with a server at a URL.

    Args:
        url: where it listens.
        headers: what every request carries besides, such as `Authorization`.
        old: whether it is spoken with over the transport of 2024-11-05.

    Raises:
        Misuse: where the URL is none.
        Refused: where nobody listens there.
    """

    def __init__(self, url: str, headers: Mapping[str, str] | None = None, *, old: bool = False) -> None:
        subject = HttpSubject(url, headers or {}, 10.0, old=old, listens=True)
        try:
            subject.endpoint.reach().close()
        except Unreachable as error:
            raise Refused(f"nobody answers at {subject.name}", why=error.why, mend=error.mend) from None
        self._link = subject.open()
        self._closed = False
        self.started = self._link.started

    def __enter__(self) -> "HttpPeer":  # noqa: PYI034 - Self is new in Python 3.11
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._link.close()

    @property
    def ended(self) -> bool:
        """Whether the conversation was closed and every line of it was read."""
        return self._closed and self._link.idle and not self._link.refusals

    def send(self, data: bytes, timeout: float = 10.0) -> bool:
        """POST a line."""
        return self._link.send(data, timeout)

    def read_line(self, timeout: float) -> bytes | None:
        """The next message that came, or in a few words why none did."""
        line = self._link.read(0 if self._link.refusals else timeout)
        if line is None and self._link.refusals:
            return self._link.refusals.popleft().encode()
        return line

    def close_stdin(self) -> None:
        """End the conversation: a session is ended with DELETE, where the server has it."""
        self._closed = True
        self._link.finish()

    def signal(self, number: int) -> None:
        """There is no process of ours."""

    def wait(self, timeout: float) -> int | None:
        """There is no process of ours: 0 once the conversation is closed."""
        return 0 if self._closed else None

    def stderr_tail(self, lines: int = 10, width: int = 300) -> tuple[str, ...]:
        """There is no error output."""
        return ()
