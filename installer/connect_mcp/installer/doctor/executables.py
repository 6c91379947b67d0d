"""What the first bytes of a program say about where it runs."""

import struct
from typing import NamedTuple

from connect_mcp.base.machine import Platform

_ELF = {3: "x86", 40: "arm", 62: "x86_64", 183: "arm64", 243: "riscv64"}
_PE = {0x14C: "x86", 0x8664: "x86_64", 0xAA64: "arm64"}
_MACH = {7: "x86", 0x01000007: "x86_64", 12: "arm", 0x0100000C: "arm64"}
_SAME = {"amd64": "x86_64", "x64": "x86_64", "aarch64": "arm64", "i386": "x86", "i686": "x86", "armv7l": "arm"}
_SYSTEMS = {"linux": "Linux", "macos": "macOS", "windows": "Windows"}

_EMULATED: dict[Platform, dict[str, tuple[str, ...]]] = {
    "linux": {"x86_64": ("x86",), "arm64": ("arm",)},
    "macos": {"arm64": ("x86_64",)},
    "windows": {"x86_64": ("x86",), "arm64": ("x86", "x86_64")},
}
"""What a processor runs beside its own programs, by its system: Rosetta, Windows' emulation, old modes."""


class Made(NamedTuple):
    """What a program is made for.

    Attributes:
        system: the system.
        processor: the processor; "" where that is not known.
    """

    system: Platform
    processor: str

    def __str__(self) -> str:
        return _SYSTEMS[self.system] + (f" on {self.processor}" if self.processor else "")

    def runs_on(self, platform: Platform, processor: str) -> bool:
        """Whether it runs on a system and a processor; what is not known counts as fitting."""
        here = _SAME.get(processor.lower(), processor.lower())
        if self.system != platform:
            return False
        return not here or not self.processor or self.processor in (here, *_EMULATED[platform].get(here, ()))


def kind_of(head: bytes) -> Made | None:
    """What a compiled program is made for; None for a script, for one that runs on several, and for anything else."""
    if head[:4] == b"\x7fELF" and len(head) >= 20:
        order = ">" if head[5] == 2 else "<"
        return Made("linux", _ELF.get(struct.unpack_from(order + "H", head, 18)[0], ""))
    if head[:2] == b"MZ" and len(head) >= 64:
        at = struct.unpack_from("<I", head, 60)[0]
        if head[at : at + 4] == b"PE\0\0" and len(head) >= at + 6:
            return Made("windows", _PE.get(struct.unpack_from("<H", head, at + 4)[0], ""))
    if head[:4] in (b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe") and len(head) >= 8:
        return Made("macos", _MACH.get(struct.unpack_from("<I", head, 4)[0], ""))
    return None


def needs_interpreter(head: bytes) -> str | None:
    """The absolute path of the interpreter that a script's first line names; None where there is none.

    What `/usr/bin/env` looks up is not followed.
    """
    if head[:2] != b"#!":
        return None
    words = head[2 : head.find(b"\n") if b"\n" in head else None].decode("utf-8", "replace").split()
    return words[0] if words and words[0].startswith("/") else None
