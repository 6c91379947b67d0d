"""A run as JUnit XML: a suite for each revision, a case for each requirement, and one suite for the hosts.

Only what makes a run fail is a failure here. A warning is a passed case that says so in its output, and what does not
apply is skipped with its reason.
"""

import xml.etree.ElementTree as ET
from collections.abc import Iterable

from ..host_verdicts import HostVerdict
from ..result import Result
from ..verdicts import Verdict
from .shown import exchange


def render(verdict: Verdict) -> str:
    """The report as text."""
    root = ET.Element("testsuites", name="connect-mcp conformance", time=f"{verdict.seconds:.3f}")
    for revision in verdict.revisions:
        results = [result for result in verdict.results if result.revision == revision]
        suite = ET.SubElement(root, "testsuite", name=f"MCP {revision}")
        for result in results:
            _case(suite, verdict, result)
        _count(suite, sum(result.seconds for result in results))
    if verdict.hosts:
        suite = ET.SubElement(root, "testsuite", name="hosts")
        for host in verdict.hosts:
            _host(suite, host)
        _count(suite, 0.0)
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _case(suite: ET.Element, verdict: Verdict, result: Result) -> None:
    row = verdict.requirements[result.requirement]
    name = f"{row.id}: {row.title}"
    case = ET.SubElement(suite, "testcase", name=name, classname=f"mcp.{result.revision}", time=f"{result.seconds:.3f}")
    about = "\n".join((f"{row.keyword}, {row.source}: {row.rule}", *exchange(result), f"mend: {row.mend}"))
    if result.outcome == "fail" or (result.outcome == "warn" and verdict.strict):
        ET.SubElement(case, "failure", message=result.why, type=result.outcome).text = about
    elif result.outcome in ("inconclusive", "bug-in-the-case"):
        ET.SubElement(case, "error", message=result.why, type=result.outcome).text = about
    elif result.outcome in ("expected", "not-applicable", "not-observed"):
        ET.SubElement(case, "skipped", message=f"{result.outcome}: {result.why}")
    elif result.outcome == "warn":
        ET.SubElement(case, "system-out").text = f"warning: {result.why}\n{about}"


def _host(suite: ET.Element, host: HostVerdict) -> None:
    case = ET.SubElement(suite, "testcase", name=host.title, classname="mcp.hosts", time="0.000")
    lines = _lines((host.sentence, *(f"{finding.weight}: {finding.what}" for finding in host.findings), *host.evidence))
    if host.outcome == "fails":
        ET.SubElement(case, "failure", message=host.sentence, type="fails").text = lines
    else:
        ET.SubElement(case, "system-out").text = lines


def _lines(texts: Iterable[str]) -> str:
    return "\n".join(texts)


def _count(suite: ET.Element, seconds: float) -> None:
    suite.set("tests", str(len(suite)))
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(attribute, str(sum(case.find(tag) is not None for case in suite)))
    suite.set("time", f"{seconds:.3f}")
