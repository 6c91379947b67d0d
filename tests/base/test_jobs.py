"""Job objects, which hold processes together on Windows; its own functions are a recorder here."""

import ctypes

import pytest

from connect_mcp.base.jobs import end_with_us
from support.kernel32 import Kernel32


def test_the_program_is_put_into_a_job_that_ends_with_us() -> None:
    system = Kernel32()
    assert end_with_us(4711, system) == 11
    size = 144 if ctypes.sizeof(ctypes.c_void_p) == 8 else 112  # what winnt.h says of JOBOBJECT_EXTENDED_LIMIT_…
    assert system.asked == [
        ("CreateJobObjectW", None, None),
        ("OpenProcess", 0x0101, False, 4711),
        ("SetInformationJobObject", 11, 9, 0x3000, size),
        ("AssignProcessToJobObject", 11, 22),
        ("CloseHandle", 22),
    ]


@pytest.mark.parametrize(
    "failing", ["CreateJobObjectW", "OpenProcess", "SetInformationJobObject", "AssignProcessToJobObject"]
)
def test_where_the_system_gives_no_job_there_is_none(failing: str) -> None:
    system = Kernel32(failing)
    assert end_with_us(4711, system) is None
    assert (("CloseHandle", 22) in system.asked) is (failing != "OpenProcess")
    assert (("CloseHandle", 11) in system.asked) is (failing != "CreateJobObjectW")


def test_what_a_process_starts_may_be_held_together_with_it() -> None:
    system = Kernel32()
    assert end_with_us(4711, system, with_all=True) == 11
    assert system.asked[2][:4] == ("SetInformationJobObject", 11, 9, 0x2800)
