"""How many documents and messages are generated: so many in every run, and many times as many in `.ci/full`."""

import os

from hypothesis import HealthCheck, settings

FACTOR = int(os.environ.get("CONNECT_MCP_TEST_EXAMPLES_FACTOR", "1"))


def examples(count: int) -> settings:
    """Settings for a test over generated input: `count` examples, no deadline, nothing remembered between runs."""
    return settings(
        max_examples=count * FACTOR,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
