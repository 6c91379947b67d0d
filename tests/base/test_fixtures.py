from pathlib import Path

from connect_mcp.base.fixtures import fixtures


def test_a_checkout_uses_the_repositorys_own_fixtures() -> None:
    assert fixtures() == Path(__file__).resolve().parents[2] / "fixtures"
