"""The locks that hosts take while they write their own config files, as far as they are known.

How each was seen: `strace` of the host's own `mcp add`, and the same command run while the lock was held, new and old.
"""

from connect_mcp.base.host_locks import HostLock

CLAUDE_CODE = HostLock("Claude Code", "folder", real=True, stale=10)
"""claude 2.1.197, live: `~/.claude.json.lock` by mkdir, beside the real file. One that is 11 s old is
taken away; it does not wait for a newer one, but reads the file again and writes without it. `.mcp.json` has none."""

CLINE = HostLock("Cline", "owned-folder", stale=10)
"""cline 3.0.65, live, and its source (@cline/core): `<file>.lock` holds `owner.<process>.<ms>.<id>`; links are not
followed. It waits 10 s, asking every 25 ms, and takes away a lock that is 10 s old."""

COPILOT = HostLock("GitHub Copilot", "file", ".mcp-writer.lock")
"""copilot 1.0.102, live on Linux: flock on a file in its config folder, exclusive for writing and shared for reading
(`mcp list` too); it waits 5 s. `.mcp-writer.binding` ties that file to its inode, so we neither make nor replace it.
What it does on Windows is not known."""
