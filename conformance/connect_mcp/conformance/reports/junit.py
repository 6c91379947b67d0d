"""A run as JUnit XML: a suite for each revision, a case for each requirement, and suites for the hosts and the fuzzer.

Only what makes a run fail is a failure here. A warning is a passed case that says so in its output, and what does not
apply is skipped with its reason.
"""

import xml.etree.ElementTree as ET
from collections.abc import Iterable

from ..fuzz import Fuzzed
from ..host_verdicts import HostVerdict
from ..result import Result
from ..verdicts import Verdict
from .shown import about, again, exchange


def render(verdict: Verdict) -> str:
    """The report as text."""
    root = ET.Element("testsuites", name="connect-mcp conformance", time=f"{verdict.seconds:.3f}")
    for revision in verdict.revisions:
        results = [result for result in verdict.results if result.revision == revision]
        suite = ET.SubElement(root, "testsuite", name=f"MCP {revision}")
        if verdict.sdk:  # the reason of each failure that is expected stands at its case
            ET.SubElement(ET.SubElement(suite, "properties"), "property", name="sdk", value=verdict.sdk[0].strip())
        for result in results:
            _case(suite, verdict, result)
        _count(suite, sum(result.seconds for result in results))
    if verdict.hosts:
        suite = ET.SubElement(root, "testsuite", name="hosts")
        for host in verdict.hosts:
            _host(suite, host)
        _count(suite, 0.0)
    if verdict.fuzzed:
        suite = ET.SubElement(root, "testsuite", name="fuzzing")
        _fuzzed(suite, verdict.fuzzed)
        _count(suite, 0.0)
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _case(suite: ET.Element, verdict: Verdict, result: Result) -> None:
    row = verdict.requirements[result.requirement]
    name = f"{row.id}: {row.title}"
    case = ET.SubElement(suite, "testcase", name=name, classname=f"mcp.{result.revision}", time=f"{result.seconds:.3f}")
    mend = f"mend: {result.mend or row.mend}"
    about = "\n".join((f"{row.keyword}, {row.source}: {row.rule}", *exchange(result), mend))
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


def _fuzzed(suite: ET.Element, fuzzed: Fuzzed) -> None:
    """A case for each sort of example in each revision, which fails where one broke something."""
    properties = ET.SubElement(suite, "properties")
    ET.SubElement(properties, "property", name="seed", value=str(fuzzed.seed))
    for name, examples in fuzzed.examples.items():
        case = ET.SubElement(suite, "testcase", name=name, classname="mcp.fuzzing", time="0.000")
        found = [one for one in fuzzed.found if name == f"{one.sort} ({one.revision})"]
        if found:
            message = "; ".join(f"{one.kind}: {one.what}" for one in found)
            lines = _lines(f"{one.kind}: {one.what}\n{about(one)}\nagain: {again(one)}" for one in found)
            ET.SubElement(case, "failure", message=message, type="fuzzing").text = lines
        else:
            ET.SubElement(case, "system-out").text = f"{examples} examples broke nothing"
    if fuzzed.notes:
        ET.SubElement(suite, "system-out").text = _lines(fuzzed.notes)


def _lines(texts: Iterable[str]) -> str:
    return "\n".join(texts)


def _count(suite: ET.Element, seconds: float) -> None:
    cases = suite.findall("testcase")
    suite.set("tests", str(len(cases)))
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(attribute, str(sum(case.find(tag) is not None for case in cases)))
    suite.set("time", f"{seconds:.3f}")
