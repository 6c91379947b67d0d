import pytest

from connect_mcp.server.workspace.faults import GRAMMAR, KINDS, Fault, read_fault


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("status=503; retry-after=2", Fault(status=503, retry_after="2")),
        (" latency = 0.25 ;", Fault(latency=0.25)),
        ("act; drop", Fault(kind="drop", acts=True)),
        ("status=502;html", Fault(kind="html", status=502)),
        ("redirect=https://elsewhere.example/?a=b", Fault(kind="redirect", value="https://elsewhere.example/?a=b")),
        ("oversize=70000", Fault(kind="oversize", value="70000")),
    ],
)
def test_a_fault_is_read_from_its_parts(text: str, fault: Fault) -> None:
    assert read_fault(text) == fault


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no failure is named"),
        (";", "no failure is named"),
        ("explode", "unknown part: explode"),
        ("status", "status takes"),
        ("status=700", "status takes"),
        ("status=100", "status takes"),
        ("status=204", "status takes"),
        ("latency=soon", "latency takes"),
        ("latency=-1", "latency takes"),
        ("latency=inf", "latency takes"),
        ("latency=nan", "latency takes"),
        ("act", "act loses an answer"),
        ("act; latency=1", "act loses an answer"),
        ("drop; html", "only one of drop and html"),
        ("redirect", "redirect needs a URL"),
        ("oversize=much", "oversize takes a number"),
    ],
)
def test_what_describes_no_fault_is_refused_with_a_reason(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_fault(text)


def test_every_kind_is_described() -> None:
    described = {
        line.split()[0].partition("=")[0].partition("[")[0] for line in GRAMMAR.splitlines() if line[:4] == "    "
    }
    assert set(KINDS) <= described
