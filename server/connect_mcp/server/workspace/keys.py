"""The API keys that open the embedded workspace, and what each may do.

They are constants and no secrets: they open nothing but the workspace file of the user who runs this program, whose
file mode is what protects it. They look like the real API's test keys, so that the same client code carries them.
"""

from dataclasses import dataclass

READ = "community:read"
WRITE = "community:write"
VIEW_MEMBERS = "members:view"
MANAGE_TICKETS = "tickets:manage"

EMBEDDED_KEY = "arc_test_embedded_admin"
MEMBER_KEY = "arc_test_embedded_member"
READ_ONLY_KEY = "arc_test_embedded_readonly"


@dataclass(frozen=True)
class Key:
    """Whom a key speaks for (a username of the seeded community) and the scopes that it carries."""

    username: str
    scopes: tuple[str, ...]


KEYS = {
    EMBEDDED_KEY: Key("amara", (READ, WRITE, VIEW_MEMBERS, MANAGE_TICKETS)),
    MEMBER_KEY: Key("tom", (READ, WRITE)),
    READ_ONLY_KEY: Key("tom", (READ,)),
}
