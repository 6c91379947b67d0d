"""A real browser that looks at pages: headless Chromium of this machine, driven by playwright-core from npm.

Without Chromium the tests that need it are skipped, unless CONNECT_MCP_TEST_BROWSER is set: then they fail.
"""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

from support import npm

ROOT = Path(__file__).parents[2]
WANTED, SKIP = "CONNECT_MCP_TEST_BROWSER", "CONNECT_MCP_TEST_SKIP_BROWSER"
DRIVER = "playwright-core@1.65.1"
PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@dataclass(frozen=True)
class Facts:
    """What there was on a page.

    Attributes:
        title: its title.
        text: what a person sees of it, as text.
        background: the colour of its body, as CSS computes it.
        requests: what was asked for, the page itself first.
        console: what was written to the console, with its type before it.
        errors: what was thrown and not caught.
        found: what `look` gave.
    """

    title: str
    text: str
    background: str
    requests: list[str]
    console: list[str]
    errors: list[str]
    found: Any


@dataclass(frozen=True)
class Browser:
    """Chromium; each page is looked at in a new one, with an empty profile.

    Attributes:
        program: its path.
        node: the folder of node.
        modules: the folder with its driver.
    """

    program: str
    node: Path
    modules: Path

    def page(
        self,
        page: Path | str,
        scheme: Literal["light", "dark"] = "light",
        *,
        look: str = "",
        picture: Path | None = None,
    ) -> Facts:
        """Open a page.

        Args:
            page: a file, or a URL.
            scheme: the colours that the reader's system asks for.
            look: what else is done with it and what is wanted of it, as a function in JavaScript that takes
                Playwright's page: `async (page) => page.locator("details").count()`.
            picture: where to put a picture of the whole page (PNG), taken last.
        """
        asked = {
            "program": self.program,
            "modules": str(self.modules),
            "url": page if isinstance(page, str) else page.resolve().as_uri(),
            "scheme": scheme,
            "look": look,
            "picture": picture and str(picture),
        }
        command = [str(self.node / "node"), str(Path(__file__).with_suffix(".cjs"))]
        done = subprocess.run(
            command, input=json.dumps(asked), capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        return Facts(**json.loads(done.stdout))


def browser() -> Browser:
    """The browser of this machine; the test is skipped, or fails, where there is none."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        if os.environ.get(WANTED):
            pytest.fail(f"{WANTED} is set, and there is no Chromium: apt-get install chromium")
        pytest.skip("there is no Chromium")
    cache = ROOT / ".cache" / "browser"
    node = npm.installed(cache, [DRIVER], SKIP)
    return Browser(program, node, cache / "node_modules")
