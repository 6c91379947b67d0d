import os
import stat
from pathlib import Path

from connect_mcp.server.log import Log

KEY = "arc_live_planted_0123456789"


def test_lines_are_appended_with_their_time_and_level(tmp_path: Path) -> None:
    file = tmp_path / "log"
    Log(str(file), now=lambda: 0.0).write("info", "one")
    Log(str(file), now=lambda: 1_800_000_000.0).write("error", "two")
    assert file.read_text(encoding="utf-8") == "1970-01-01T00:00:00Z info one\n2027-01-15T08:00:00Z error two\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_text_is_one_printable_line_without_secrets(tmp_path: Path) -> None:
    file = tmp_path / "log"
    Log(str(file), now=lambda: 0.0).write("info", f"a\nb\x1b[31m c\u2028d \ud800 Authorization: Bearer {KEY}")
    [row] = file.read_text(encoding="utf-8").splitlines()
    assert KEY not in row
    assert "a b [31m c d" in row


def test_a_file_that_can_no_longer_be_written_costs_the_line_and_nothing_else(tmp_path: Path) -> None:
    log = Log(str(tmp_path / "log"), now=lambda: 0.0)
    os.close(log._file)
    log.write("info", "lost")
    assert (tmp_path / "log").read_bytes() == b""
