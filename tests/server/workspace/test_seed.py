import sqlite3
from datetime import timedelta
from pathlib import Path

from connect_mcp.server.workspace import community
from connect_mcp.server.workspace.keys import KEYS
from connect_mcp.server.workspace.store import open_database
from support.workspace_api import NOON, Api


def _dump(folder: Path, now_shift: timedelta = timedelta()) -> list[str]:
    db = open_database(folder, NOON + now_shift)
    lines = list(db.iterdump())
    db.close()
    return lines


def test_the_same_clock_gives_the_same_workspace(tmp_path: Path) -> None:
    assert _dump(tmp_path / "one") == _dump(tmp_path / "two")


def test_another_clock_changes_times_alone(tmp_path: Path) -> None:
    day = timedelta(days=1)
    earlier, later = _dump(tmp_path / "one"), _dump(tmp_path / "two", day)
    assert earlier != later
    shapes = [[_without_times(line) for line in lines] for lines in (earlier, later)]
    assert shapes[0] == shapes[1]


def _without_times(line: str) -> str:
    return "".join(part for part in line.split("'") if not part.endswith("Z"))


def test_nothing_is_newer_than_the_seeding(tmp_path: Path) -> None:
    db = open_database(tmp_path, NOON)
    for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        columns = [column["name"] for column in db.execute(f"PRAGMA table_info({table})")]
        for column in {"created_at", "joined_at", "updated_at"} & set(columns):
            newest = db.execute(f"SELECT max({column}) FROM {table}").fetchone()[0]
            assert (newest or "") <= NOON.strftime("%Y-%m-%dT%H:%M:%S.%fZ"), (table, column)
    db.close()


def test_rows_are_in_the_order_of_their_times(tmp_path: Path) -> None:
    db = open_database(tmp_path, NOON)
    for table in ("messages", "contents", "polls", "tickets", "notifications"):
        times = [row["created_at"] for row in db.execute(f"SELECT created_at FROM {table} ORDER BY seq")]
        assert times == sorted(times), table
    _no_broken_reference(db)
    db.close()


def test_a_notice_is_about_something_that_is_there(tmp_path: Path) -> None:
    db = open_database(tmp_path, NOON)
    places = " UNION ".join(f"SELECT id FROM {table}" for table in ("contents", "messages", "tickets", "conversations"))
    assert db.execute(f"SELECT * FROM notifications WHERE target_id NOT IN ({places})").fetchall() == []
    db.close()


def _no_broken_reference(db: sqlite3.Connection) -> None:
    assert db.execute("PRAGMA foreign_key_check").fetchall() == []


def test_every_key_belongs_to_somebody() -> None:
    assert {key.username for key in KEYS.values()} <= {person.username for person in community.PEOPLE}


def test_only_those_speak_who_are_there() -> None:
    roles = {space.slug: set(space.roles) for space in community.SPACES}
    private = {channel.place: set(channel.only.split()) for channel in community.CHANNELS if channel.only}
    for place, said in community.MESSAGES.items():
        allowed = private.get(place, roles[place.partition("/")[0]])
        assert _speakers(said) <= allowed, place
    people = {conversation.slug: set(conversation.people.split()) for conversation in community.CONVERSATIONS}
    for slug, said in community.DIRECT.items():
        assert _speakers(said) <= people[slug], slug
    for written in community.WRITTEN:
        commenters = {comment.author for comment in written.comments}
        reactors = {name for names in written.reactions.values() for name in names.split()}
        assert {written.author} | commenters | reactors <= roles[written.space], written.title
    for poll in community.POLLS:
        voters = [name for names in poll.options.values() for name in names.split()]
        assert len(voters) == len(set(voters)), poll.title
        assert set(voters) <= roles[poll.space], poll.title


def _speakers(said: tuple[community.Said, ...]) -> set[str]:
    speakers: set[str] = set()
    for message in said:
        speakers |= {message.author, *" ".join(message.reactions.values()).split()} | _speakers(message.replies)
    return speakers


def test_a_fresh_workspace_has_two_weeks_of_talk(api: Api) -> None:
    spaces = api.get("/spaces/")["results"]
    assert len(spaces) == 2
    for space in spaces:
        channels = api.get(f"/spaces/{space['id']}/channels/")["results"]
        assert len(channels) == 3
        assert all(channel["message_count"] for channel in channels)
