"""Lines that no client should send, and what a server does with them: one file each in `fixtures/errors/lines/`.

The folder's README says what the members of a file mean. A payload belongs to a requirement, whose case sends all that
belong to it; it is data alone, so that one more takes one more file.
"""

import base64
import functools
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from connect_mcp.base.fixtures import fixtures
from connect_mcp.base.record import record

from .requirement import revisions_in
from .wire import encode


@record
class Way:
    """One way in which a server may react to a payload; with neither results nor codes, by saying nothing.

    Attributes:
        results: the ids of the requests in it that are answered with a result.
        codes: those of which the one error has one; empty where no error is due.
        id: which id the error has: that of the request (`own`), `none`, or either where this is `any`.
    """

    results: tuple[Any, ...] = ()
    codes: tuple[int, ...] = ()
    id: Literal["any", "own", "none"] = "any"


@record
class Payload:
    """A line to send, and what must come back.

    Attributes:
        id: the name of its file.
        about: what it is, for the middle of a sentence.
        requirement: the id of the requirement that it belongs to.
        needs: the capability without which it says nothing about a server; empty for none.
        source: where that stands.
        template: the line without its line feed; `"{{method}}"` and `"{{meta}}"` stand for what the revision wants.
        ways: in which ways a server may react, by the revision.
    """

    id: str
    about: str
    requirement: str
    needs: str
    source: str
    template: bytes
    ways: Mapping[str, Sequence[Way]]

    def line(self, method: str, meta: Mapping[str, Any]) -> bytes:
        """The line to send.

        Args:
            method: one that the server has, and that wants no params.
            meta: what the revision wants in the `_meta` of a request.
        """
        return self.template.replace(b'"{{method}}"', encode(method)).replace(b'"{{meta}}"', encode(dict(meta)))


@functools.cache
def all_payloads() -> tuple[Payload, ...]:
    """Every payload, in the order of the files' names."""
    files = sorted((fixtures() / "errors" / "lines").glob("*.json"))
    return tuple(_payload(path.stem, json.loads(path.read_text(encoding="utf-8"))) for path in files)


def _payload(name: str, data: Mapping[str, Any]) -> Payload:
    (form,) = data["send"]
    return Payload(
        id=name,
        about=data["about"],
        requirement=data["requirement"],
        needs=data.get("needs", ""),
        source=data["source"],
        template=_FORMS[form](data["send"][form]),
        ways={
            revision: tuple(
                Way(tuple(way.get("results", ())), tuple(way.get("error", ())), way.get("id", "any")) for way in ways
            )
            for span, ways in data["expect"].items()
            for revision in revisions_in(span)
        },
    )


_FORMS: Mapping[str, Callable[[Any], bytes]] = {"message": encode, "text": str.encode, "base64": base64.b64decode}
