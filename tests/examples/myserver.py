"""How another server's own command line offers `myserver configure cursor codex`."""

import sys

from connect_mcp.installer import Refused, ServerSpec, apply, plan


def configure(hosts: list[str]) -> int:
    server = ServerSpec(command="/opt/myserver/bin/myserver", args=("serve",))
    try:
        done = apply(plan(server, name="myserver", hosts=hosts), command="myserver configure")
    except Refused as refusal:
        print(refusal, file=sys.stderr)
        return refusal.exit_code
    for change in done.changes:
        print(f"{change.title}: {change.action} {change.name} in {change.path}\n  {change.reload}")
    return 0


if __name__ == "__main__":
    sys.exit(configure(sys.argv[1:]))
