"""The installer as a library: put a server into AI hosts' own config files from a program of your own.

    from connect_mcp.installer import ServerSpec, apply, plan, status

    server = ServerSpec("/usr/bin/myserver", ("serve",))
    done = apply(plan(server, name="myserver", hosts=["cursor", "codex"]))
    done.undo()

`plan` looks and works out, `apply` writes, `status` says what is there. Nothing is printed or asked, and nothing ends
the process; what cannot be done is raised as `Refused`, or as `Misuse` where the arguments cannot be meant. Importing
this costs nothing: what is needed is loaded when it is first used.
"""

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from connect_mcp.base.errors import Misuse as Misuse
    from connect_mcp.base.errors import Refused as Refused

    from .library import Applied as Applied
    from .library import Entry as Entry
    from .library import Plan as Plan
    from .library import apply as apply
    from .library import plan as plan
    from .library import status as status
    from .spec import Reference as Reference
    from .spec import ServerSpec as ServerSpec
    from .spec import Template as Template

__all__ = [
    "ServerSpec",
    "Template",
    "Reference",
    "plan",
    "Plan",
    "apply",
    "Applied",
    "status",
    "Entry",
    "Refused",
    "Misuse",
]

_HOMES = {
    "ServerSpec": "connect_mcp.installer.spec",
    "Template": "connect_mcp.installer.spec",
    "Reference": "connect_mcp.installer.spec",
    "Refused": "connect_mcp.base.errors",
    "Misuse": "connect_mcp.base.errors",
}


def __getattr__(name: str) -> Any:
    """What the library offers, loaded when it is asked for."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES.get(name, f"{__name__}.library")), name)


class _Package(ModuleType):
    """This package, of which `apply` is the function and not the module of that name that Python would put there."""

    @property
    def apply(self) -> Any:
        """See `library.apply`."""
        return __getattr__("apply")

    @apply.setter
    def apply(self, module: ModuleType) -> None:
        """The import of the module `apply` comes by here; it stays in `sys.modules` alone."""


sys.modules[__name__].__class__ = _Package
