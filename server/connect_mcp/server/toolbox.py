"""Performs tool calls: one function for the tools that pass a request through, and the quiz drafts."""

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx2

from connect_mcp.base.folders import config_folder, folders
from connect_mcp.base.secrets import Store
from connect_mcp.server.notes import note
from connect_mcp.server.rest import Api, Wait
from connect_mcp.server.results import Failure, failure, success
from connect_mcp.server.settings import Settings, stored_settings
from connect_mcp.server.tools.arguments import checked
from connect_mcp.server.tools.model import Tool
from connect_mcp.server.tools.requests import SPACE_ID, HttpRequest, build, space_lookup
from connect_mcp.server.tools.table import BY_NAME

T = TypeVar("T")

TYPE_CHECKING = False
if TYPE_CHECKING:
    from connect_mcp.server.drafts import Drafts

EMBEDDED_URL = "http://embedded.invalid/api/v1"
"""The base URL of the embedded workspace, which answers in this process; no network name ends in .invalid."""


class Toolbox:
    """The tools, ready to be called on one event loop.

    Args:
        open_api: gives the API at the first call that needs it; raises `Failure` where there is none yet.
        state: the folder in which quiz drafts are kept; the user's own if None.
        is_stale: whether the API must be opened anew, since what it was opened with has changed.
    """

    def __init__(
        self,
        open_api: Callable[[], Api],
        state: str | os.PathLike[str] | None = None,
        is_stale: Callable[[], bool] = lambda: False,
    ) -> None:
        self._open_api = open_api
        self._is_stale = is_stale
        self._opened: Api | None = None
        self._retired: list[Api] = []
        self._state = state
        self._drafts: Drafts | None = None
        self._drafting = asyncio.Lock()
        self._own: dict[str, Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]] = {
            "create_quiz_draft": self._create_draft,
            "add_quiz_question": self._add_question,
            "list_quiz_draft_questions": self._show_draft,
            "discard_quiz_draft": self._discard_draft,
            "publish_quiz_draft": self._publish_draft,
        }

    async def call(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """The CallToolResult of a tool that exists."""
        tool = BY_NAME[name]
        try:
            given = checked(tool, arguments)
            value = await (self._own[name](given) if name in self._own else self._pass_through(tool, given))
            return success(value)
        except Failure as error:
            return failure(error)
        except RecursionError:
            return failure(Failure("BAD_UPSTREAM_RESPONSE", "The API's answer is nested too deeply."))

    async def close(self) -> None:
        """Give the connections up."""
        for api in (*self._retired, self._opened):
            if api is not None:
                await api.close()

    def _api(self) -> Api:
        if self._opened is not None and self._is_stale():
            self._retired.append(self._opened)  # other calls may be waiting for its answers
            self._opened = None
        if self._opened is None:
            self._opened = self._open_api()
        return self._opened

    async def _pass_through(self, tool: Tool, arguments: dict[str, Any]) -> dict[str, Any]:
        assert tool.request is not None
        space_id = await self._space_id(arguments["workspace_slug"]) if SPACE_ID in tool.request.path else ""
        api = self._api()
        value = await api.send(build(tool, arguments, space_id), _tell)
        return page(value, api.base_url) if "cursor" in tool.properties else value

    async def _space_id(self, slug: str) -> str:
        found = await self._api().send(space_lookup(slug), _tell)
        results = found.get("results")
        if not results:
            raise Failure(
                "NOT_FOUND",
                "The workspace was not found or is not accessible to this API key.",
                hint="list_workspaces gives the slugs that are.",
                details={"workspace_slug": ["not found or not accessible to this API key"]},
            )
        first = results[0] if isinstance(results, list) else None
        ident = first.get("id") if isinstance(first, dict) else None
        if not isinstance(ident, str | int):
            raise Failure("BAD_UPSTREAM_RESPONSE", "The API's list of workspaces has no ids.")
        return str(ident)

    async def _draft(self, work: "Callable[[Drafts], T]") -> T:
        """Let `work` use the drafts: on a thread, since it waits for files, and in the order of the calls."""
        if self._drafts is None:
            from connect_mcp.server.drafts import Drafts

            self._drafts = Drafts(folders(state=self._state).state)
        async with self._drafting:
            return await asyncio.to_thread(work, self._drafts)

    async def _create_draft(self, arguments: dict[str, Any]) -> dict[str, Any]:
        slug = arguments["workspace_slug"]
        space_id, base_url = await self._space_id(slug), self._api().base_url
        title, body = arguments["title"], arguments.get("body", "")
        return await self._draft(lambda drafts: drafts.create(base_url, slug, space_id, title, body))

    async def _add_question(self, arguments: dict[str, Any]) -> dict[str, Any]:
        return await self._draft(lambda drafts: drafts.add_question(arguments["draft_id"], arguments))

    async def _show_draft(self, arguments: dict[str, Any]) -> dict[str, Any]:
        return await self._draft(lambda drafts: drafts.show(arguments["draft_id"]))

    async def _discard_draft(self, arguments: dict[str, Any]) -> dict[str, Any]:
        return await self._draft(lambda drafts: drafts.discard(arguments["draft_id"]))

    async def _publish_draft(self, arguments: dict[str, Any]) -> dict[str, Any]:
        draft_id, api = arguments["draft_id"], self._api()
        quiz = await self._draft(lambda drafts: drafts.begin_publishing(draft_id, api.base_url))
        published = False
        try:
            value = await api.send(HttpRequest("POST", "/quizzes/", quiz, repeatable=False))
            published = True
        finally:
            with contextlib.suppress(Failure):  # what became of the quiz counts, not of its draft
                await self._draft(lambda drafts: drafts.end_publishing(draft_id, published=published))
        return value


def page(value: dict[str, Any], base_url: str) -> dict[str, Any]:
    """A page of a list, with `next_cursor` where the API names a next page of its own.

    Raises:
        Failure: BAD_UPSTREAM_RESPONSE where it is no page.
    """
    if not isinstance(value.get("results", []), list) or not isinstance(value.get("next_cursor", ""), str):
        raise Failure("BAD_UPSTREAM_RESPONSE", "The API's answer is not a page of a list.")
    cursor = next_cursor(value.get("next"), base_url)
    return value if cursor is None else {**value, "next_cursor": cursor}


def next_cursor(url: object, base_url: str) -> str | None:
    """The cursor in the URL of a next page, unless that lies on another host, where the key is not to go."""
    if not isinstance(url, str):
        return None
    try:
        target = urlsplit(urljoin(base_url + "/", url))
        if target.hostname != urlsplit(base_url).hostname:
            return None
        cursors = parse_qs(target.query).get("cursor")
    except ValueError:
        return None
    return cursors[0] if cursors else None


def _tell(wait: Wait) -> None:
    """Report a pause to whoever runs the call; not in the API's words, which may repeat what it was asked."""
    why = wait.why.code if wait.why.status is None else f"{wait.why.code}, HTTP {wait.why.status}"
    text = f"The API could not answer now ({why}). Trying again in {wait.seconds:.1f} s"
    note("info", f"{text} (attempt {wait.attempt} of {wait.attempts}).", step=True)


class Network:
    """The API that the environment, a profile or the store of secrets names, as it does now.

    Args:
        store: where the environment says nothing.
        profile: whose settings to use; None for the environment's and the store's own.
    """

    def __init__(self, store: Store, profile: str | None = None) -> None:
        self._store = store
        self._profile = profile
        self._read: tuple[object, Settings] | None = None

    def open(self) -> Api:
        """The API; raises `Failure` where there is none yet."""
        state, settings = self._store.state(), self._settings()
        self._read = state, settings
        return Api(settings)

    def is_stale(self) -> bool:
        """Whether something else would be opened now; reads no secret unless the store has changed."""
        if self._read is None:
            return True
        state = self._store.state()
        if state == self._read[0]:
            return False
        try:
            settings = self._settings()
        except Failure:  # said to whoever opens it
            return True
        if settings != self._read[1]:
            return True
        self._read = state, settings
        return False

    def _settings(self) -> Settings:
        return stored_settings(os.environ, self._store, self._profile)


def network_api() -> Api:
    """The API that the environment or the user's store of secrets names."""
    return Network(Store(config_folder())).open()


def embedded_api(folder: Path) -> Api:
    """The embedded workspace that keeps its data in `folder`."""
    from connect_mcp.server.workspace.app import EMBEDDED_KEY, open_workspace

    transport = httpx2.ASGITransport(app=open_workspace(folder), raise_app_exceptions=False)
    return Api(Settings(EMBEDDED_URL, EMBEDDED_KEY), transport)


def open_toolbox(
    *, embedded: bool, profile: str | None, config: str | None, state: str | None, data: str | None
) -> Toolbox:
    """The tools as `serve` was told to offer them; folders that are None are the user's own."""
    if embedded:
        return Toolbox(lambda: embedded_api(folders(data=data).data), state)
    network = Network(Store(config_folder(config)), profile)
    return Toolbox(network.open, state, network.is_stale)
