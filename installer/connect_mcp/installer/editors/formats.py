"""The formats by name; each is imported when it is first asked for, since a command edits one or two of them."""

from importlib import import_module

from .model import Format


def format_named(name: str) -> Format:
    """The format `jsonc`, `yaml` or `toml`."""
    fmt: Format = getattr(import_module(f"{__package__}.{name}"), name.upper())
    return fmt
