"""What a command gives back: one value, printed as text for people or as JSON for programs."""

from collections.abc import Mapping

from connect_mcp.base.record import record

JSON_VERSION = 1


@record
class Outcome:
    """The end of a command.

    Attributes:
        data: everything that happened, JSON-able; `--json` prints it with `version` and `exit_code` added.
        text: the same for a person, without secrets and control characters.
        exit_code: 0 done, 1 refused or failed.
    """

    data: Mapping[str, object]
    text: str
    exit_code: int = 0
