from pathlib import Path

import pytest

from support.workspace_api import Api


@pytest.fixture
def api(tmp_path: Path) -> Api:
    """A fresh workspace, seen by an administrator."""
    return Api(tmp_path / "workspace")


@pytest.fixture
def member(api: Api) -> Api:
    """The same workspace, seen by a plain member of one of its spaces."""
    return api.as_member()
