"""Every host that the lab drives, by its id."""

from collections.abc import Sequence
from importlib import import_module
from pkgutil import iter_modules

from connect_mcp.base.errors import Misuse
from connect_mcp.installer.hosts.all_hosts import find_all

from . import recipes
from .recipe import Recipe


def all_recipes() -> tuple[Recipe, ...]:
    """The recipes, in the order of their modules' names."""
    modules = sorted(found.name for found in iter_modules(recipes.__path__))
    return tuple(import_module(f"{recipes.__name__}.{name}").RECIPE for name in modules)


def selected(names: Sequence[str]) -> tuple[Recipe, ...]:
    """The recipes of these hosts, by id or alias; where none is named, all that are not driven on request only.

    Raises:
        Misuse: for a host that is not known, or that the lab cannot drive.
    """
    there = {recipe.host_id: recipe for recipe in all_recipes()}
    if not names:
        return tuple(recipe for recipe in there.values() if not recipe.on_request)
    chosen = [host.id for host in find_all(names)]
    for identity in chosen:
        if identity not in there:
            raise Misuse(f"the lab cannot drive {identity}", why=f"it drives {', '.join(there)}")
    return tuple(there[identity] for identity in dict.fromkeys(chosen))
