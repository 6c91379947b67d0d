import asyncio
import contextlib
import gc
import multiprocessing
import os
import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path

import httpx2
import pytest

from connect_mcp.server.workspace.app import EMBEDDED_KEY, open_workspace
from connect_mcp.server.workspace.seed import seeded_id
from connect_mcp.server.workspace.store import (
    FILE_NAME,
    Store,
    Unavailable,
    open_database,
    reset_database,
    transaction,
)
from support.workspace_api import NOON, Api, post_many

CHANNEL = f"/channels/{seeded_id('channel', 'makers/electronics')}/messages/"
PROCESSES = 8
POSTS_EACH = 12


def test_opening_touches_nothing_until_the_first_request(api: Api) -> None:
    open_workspace(api.folder)
    assert not api.folder.exists()
    api.get("/spaces/")
    assert (api.folder / FILE_NAME).exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes; the folder's own list decides there")
def test_folder_and_files_are_the_owners_alone(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "workspace"
    db = open_database(folder, NOON)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    files = list(folder.iterdir())
    assert {file.name for file in files} == {FILE_NAME, FILE_NAME + "-wal", FILE_NAME + "-shm"}
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    db.close()


def test_what_was_written_is_there_after_reopening(api: Api) -> None:
    posted = api.post(CHANNEL, {"body": "remember me"})
    seen = Api(api.folder).get(CHANNEL)["results"]
    assert seen[0] == posted
    assert len(api.everything("/spaces/")) == 2, "seeding happens once"


def test_opening_again_keeps_the_locks_of_what_is_open(tmp_path: Path) -> None:
    first = open_database(tmp_path, NOON)
    open_database(tmp_path, NOON).close()
    stranger = "import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.execute('SELECT * FROM spaces'); db.close()"
    subprocess.run([sys.executable, "-c", stranger, str(tmp_path / FILE_NAME)], check=True, timeout=60)
    assert (tmp_path / (FILE_NAME + "-wal")).exists(), "the stranger took itself for the last one"
    with transaction(first):
        first.execute("DELETE FROM comments")
    first.close()


def test_a_failed_transaction_leaves_nothing(tmp_path: Path) -> None:
    db = open_database(tmp_path, NOON)
    with pytest.raises(sqlite3.OperationalError), transaction(db):
        db.executemany("DELETE FROM comments WHERE ? <> fold(body, 'one argument too many')", [("",)])
    assert db.execute("SELECT count(*) FROM comments").fetchone()[0] > 0
    db.close()


def test_a_dropped_store_ends_its_thread_and_closes_its_file(tmp_path: Path) -> None:
    store = Store(tmp_path, lambda: NOON)
    asyncio.run(store.run(lambda db: db.execute("SELECT 1").fetchone(), writes=False))
    workers = [thread for thread in threading.enumerate() if thread.name == "workspace"]
    del store
    gc.collect()
    for worker in workers:
        worker.join(10)
    assert not any(worker.is_alive() for worker in workers)
    assert [file.name for file in tmp_path.iterdir()] == [FILE_NAME], "the last to close takes the WAL along"


def test_what_goes_wrong_reaches_the_caller_and_the_store_goes_on(tmp_path: Path) -> None:
    async def both() -> int:
        store = Store(tmp_path, lambda: NOON)
        with pytest.raises(sqlite3.IntegrityError):
            await store.run(lambda db: db.execute("INSERT INTO comments (id) VALUES ('x')"), writes=True)
        count: int = await store.run(lambda db: db.execute("SELECT count(*) FROM comments").fetchone()[0], writes=False)
        return count

    assert asyncio.run(both()) > 0


def test_a_file_that_cannot_be_opened_is_tried_again(tmp_path: Path) -> None:
    folder = tmp_path / "workspace"
    folder.write_text("in the way", encoding="utf-8")

    async def twice() -> int:
        store = Store(folder, lambda: NOON)
        with pytest.raises(Unavailable, match="workspace"):
            await store.run(lambda db: None, writes=False)
        folder.unlink()
        count: int = await store.run(lambda db: db.execute("SELECT count(*) FROM spaces").fetchone()[0], writes=False)
        return count

    assert asyncio.run(twice()) == 2


def test_a_cancelled_request_still_waiting_is_never_run(tmp_path: Path) -> None:
    entered, leave = threading.Event(), threading.Event()
    ran: list[str] = []

    def slow(db: sqlite3.Connection) -> None:
        entered.set()
        leave.wait(10)
        ran.append("slow")

    async def cancel_the_second() -> None:
        store = Store(tmp_path, lambda: NOON)
        first = asyncio.create_task(store.run(slow, writes=True))
        await asyncio.to_thread(entered.wait, 10)
        second = asyncio.create_task(store.run(lambda db: ran.append("second"), writes=True))
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)
        leave.set()
        await first
        await store.run(lambda db: ran.append("third"), writes=True)

    asyncio.run(cancel_the_second())
    assert ran == ["slow", "third"]


def test_many_requests_at_once_are_all_answered(api: Api) -> None:
    async def flood() -> list[int]:
        transport = httpx2.ASGITransport(open_workspace(api.folder))
        headers = {"Authorization": f"Bearer {EMBEDDED_KEY}"}
        async with httpx2.AsyncClient(
            transport=transport, base_url="http://workspace/api/v1", headers=headers
        ) as client:
            answers = await asyncio.gather(*(client.post(CHANNEL, json={"body": str(n)}) for n in range(300)))
        return [answer.status_code for answer in answers]

    assert asyncio.run(flood()) == [201] * 300
    assert sum(message["body"].isdigit() for message in api.everything(CHANNEL, limit=100)) == 300


def test_eight_processes_opening_and_posting_at_once_lose_nothing(api: Api) -> None:
    spawn = multiprocessing.get_context("spawn")
    barrier = spawn.Barrier(PROCESSES)
    said = [[f"{name}/{number}" for number in range(POSTS_EACH)] for name in range(PROCESSES)]
    processes = [spawn.Process(target=post_many, args=(api.folder, CHANNEL, bodies, barrier)) for bodies in said]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0] * PROCESSES
    found = [message["body"] for message in api.everything(CHANNEL, limit=100)]
    expected = {body for bodies in said for body in bodies}
    assert sorted(body for body in found if body in expected) == sorted(expected)
    seeded = Api(api.folder.with_name("fresh")).everything(CHANNEL)
    assert len(found) == len(expected) + len(seeded), "seeded once"


def test_an_idle_store_leaves_the_file_whole_so_that_it_can_be_copied_alone(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()

    async def write_and_go_idle() -> None:
        store = Store(tmp_path, lambda: NOON)
        await store.run(lambda db: db.execute("UPDATE members SET bio = 'Copied'"), writes=True)
        await store.run(lambda db: None, writes=False)  # a read right behind the write must not keep it in the WAL
        for _ in range(200):  # idle begins when the store has nothing left to do, a moment after the answer
            await asyncio.sleep(0.05)
            (copy / FILE_NAME).write_bytes((tmp_path / FILE_NAME).read_bytes())
            if _bios(copy / FILE_NAME) == [("Copied",)]:
                return

    asyncio.run(write_and_go_idle())
    assert _bios(copy / FILE_NAME) == [("Copied",)]


def _bios(file: Path) -> list[tuple[str]]:
    """What a database file by itself says, and nothing where it is not whole yet."""
    with contextlib.closing(sqlite3.connect(file)) as db:
        try:
            whole = db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            return db.execute("SELECT DISTINCT bio FROM members").fetchall() if whole else []
        except sqlite3.DatabaseError:
            return []


def test_a_process_that_ends_closes_its_file(tmp_path: Path) -> None:
    program = (
        "import asyncio, sys; from pathlib import Path\n"
        "from connect_mcp.server.workspace.store import Store\n"
        "from support.workspace_api import NOON\n"
        "store = Store(Path(sys.argv[1]), lambda: NOON)\n"
        "asyncio.run(store.run(lambda db: db.execute('DELETE FROM comments'), writes=True))\n"
    )
    roots = os.pathsep.join(sys.path)
    environment = {**os.environ, "PYTHONPATH": roots}
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True, timeout=60, env=environment)
    assert [file.name for file in tmp_path.iterdir()] == [FILE_NAME]


def _everything(folder: Path) -> list[str]:
    db = open_database(folder, NOON)
    lines = list(db.iterdump())
    db.close()
    return lines


def test_a_reset_brings_back_the_seed(tmp_path: Path) -> None:
    seeded = _everything(tmp_path)
    db = open_database(tmp_path, NOON)
    db.execute("DELETE FROM comments")
    db.execute("UPDATE members SET bio = 'Other'")
    db.close()
    assert _everything(tmp_path) != seeded
    reset_database(tmp_path, NOON)
    assert _everything(tmp_path) == seeded


def test_a_reset_makes_what_is_not_there(tmp_path: Path) -> None:
    reset_database(tmp_path / "new", NOON)
    assert _everything(tmp_path / "new") == _everything(tmp_path / "other")


def test_a_reset_takes_over_a_workspace_of_another_version(tmp_path: Path) -> None:
    seeded = _everything(tmp_path)
    db = open_database(tmp_path, NOON)
    db.execute("CREATE TABLE newer (id)")
    db.execute("PRAGMA user_version = 99")
    db.close()
    reset_database(tmp_path, NOON)
    assert _everything(tmp_path) == seeded


def test_a_reset_leaves_a_database_that_is_no_workspace_alone(tmp_path: Path) -> None:
    db = sqlite3.connect(tmp_path / FILE_NAME)
    db.execute("CREATE TABLE diary (entry)")
    db.close()
    with pytest.raises(Unavailable, match="is not a workspace"):
        reset_database(tmp_path, NOON)
    db = sqlite3.connect(tmp_path / FILE_NAME)
    assert db.execute("SELECT name FROM sqlite_master").fetchall() == [("diary",)]
    db.close()


def test_a_running_store_sees_a_reset_at_once_and_goes_on(tmp_path: Path) -> None:
    async def around_a_reset() -> list[int]:
        store = Store(tmp_path, lambda: NOON)

        async def comments() -> int:
            count: int = await store.run(
                lambda db: db.execute("SELECT count(*) FROM comments").fetchone()[0], writes=False
            )
            return count

        seeded = await comments()
        await store.run(lambda db: db.execute("DELETE FROM comments"), writes=True)
        emptied = await comments()
        reset_database(tmp_path, NOON)
        again = await comments()
        await store.run(lambda db: db.execute("DELETE FROM comments WHERE seq = 1"), writes=True)
        return [seeded, emptied, again, await comments()]

    seeded, *rest = asyncio.run(around_a_reset())
    assert rest == [0, seeded, seeded - 1]
