"""The embedded workspace as its clients meet it: the real application over a real SQLite file, asked through HTTP."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import httpx2

from connect_mcp.server.workspace.app import EMBEDDED_KEY, MEMBER_KEY, open_workspace

NOON = datetime(2026, 3, 14, 12, 0, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Api:
    """The workspace kept in a folder, opened afresh for every request."""

    folder: Path
    key: str = EMBEDDED_KEY
    clock: Callable[[], datetime] = lambda: NOON

    def ask(
        self, method: str, path: str, json: object = None, headers: dict[str, str] | None = None, **rest: Any
    ) -> httpx2.Response:
        """One request to a path under /api/v1, or to an absolute URL; `rest` goes to httpx2 (params, content, …)."""
        return asyncio.run(self._ask(method, path, json=json, headers=headers, **rest))

    def get(self, path: str, **params: Any) -> Any:
        """The JSON of a GET that must succeed."""
        answer = self.ask("GET", path, params=params or None)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def send(self, method: str, path: str, json: object, status: int) -> Any:
        """The JSON of a request that must answer with this status."""
        answer = self.ask(method, path, json)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    def post(self, path: str, json: object = None, status: int = 201) -> Any:
        """The JSON of a POST."""
        return self.send("POST", path, json, status)

    def pages(self, path: str, **params: Any) -> Iterator[Any]:
        """Every page of a list, following `next`."""
        page = self.get(path, **params)
        yield page
        while page["next"]:
            page = self.get(page["next"])
            yield page

    def everything(self, path: str, **params: Any) -> list[Any]:
        """The results of all pages."""
        return [result for page in self.pages(path, **params) for result in page["results"]]

    def as_member(self) -> "Api":
        """The same workspace for a plain member."""
        return Api(self.folder, MEMBER_KEY, self.clock)

    async def _ask(self, method: str, path: str, headers: dict[str, str] | None, **rest: Any) -> httpx2.Response:
        transport = httpx2.ASGITransport(open_workspace(self.folder, self.clock))
        own = {"Authorization": f"Bearer {self.key}", **(headers or {})}
        async with httpx2.AsyncClient(transport=transport, base_url="http://workspace/api/v1") as client:
            answer: httpx2.Response = await client.request(method, path, headers=own, **rest)
            return answer


def post_many(folder: Path, path: str, bodies: list[str], barrier: Barrier) -> None:
    """What one of several processes does: wait for the others, then post all its messages."""
    barrier.wait(60)
    for body in bodies:
        Api(folder).post(path, {"body": body})
