"""Where every host keeps its servers, on every platform, in every scope, with every variable that moves it."""

import pytest

from connect_mcp.base.errors import Misuse
from connect_mcp.base.machine import Platform
from connect_mcp.installer.hosts.all_hosts import HOSTS, find
from connect_mcp.installer.hosts.model import Scope
from connect_mcp.installer.hosts.places import CODE_RELOCATORS
from support.machines import machine

MAC = "/Users/user/Library/Application Support"
ROAMING = "C:\\Users\\user\\AppData\\Roaming"
CLINE = "settings/cline_mcp_settings.json"
WINDOWS_CLINE = CLINE.replace("/", "\\")
PACKAGES = "C:\\Users\\user\\AppData\\Local\\Packages"

USER_FILES: list[tuple[str, Platform, dict[str, str], str]] = [
    ("claude-code", "linux", {}, "/home/user/.claude.json"),
    ("claude-code", "macos", {}, "/Users/user/.claude.json"),
    ("claude-code", "windows", {}, "C:\\Users\\user\\.claude.json"),
    ("claude-code", "linux", {"CLAUDE_CONFIG_DIR": "/cc"}, "/cc/.claude.json"),
    ("claude-code", "windows", {"CLAUDE_CONFIG_DIR": "D:\\cc"}, "D:\\cc\\.claude.json"),
    ("claude-desktop", "linux", {}, "/home/user/.config/Claude/claude_desktop_config.json"),
    ("claude-desktop", "linux", {"XDG_CONFIG_HOME": "/cfg"}, "/cfg/Claude/claude_desktop_config.json"),
    ("claude-desktop", "macos", {"XDG_CONFIG_HOME": "/cfg"}, f"{MAC}/Claude/claude_desktop_config.json"),
    ("claude-desktop", "windows", {}, f"{ROAMING}\\Claude\\claude_desktop_config.json"),
    ("claude-desktop", "windows", {"APPDATA": "D:\\R"}, "D:\\R\\Claude\\claude_desktop_config.json"),
    ("cline", "linux", {}, f"/home/user/.cline/data/{CLINE}"),
    ("cline", "macos", {"CLINE_DIR": "/cl"}, f"/cl/data/{CLINE}"),
    ("cline", "windows", {}, f"C:\\Users\\user\\.cline\\data\\{WINDOWS_CLINE}"),
    ("cline", "linux", {"CLINE_DATA_DIR": "/data", "CLINE_DIR": "/cl"}, f"/data/{CLINE}"),
    ("cline", "windows", {"CLINE_DATA_DIR": "D:\\data"}, f"D:\\data\\{WINDOWS_CLINE}"),
    ("cline", "linux", {"CLINE_MCP_SETTINGS_PATH": "/x.json", "CLINE_DATA_DIR": "/data"}, "/x.json"),
    ("codex", "linux", {}, "/home/user/.codex/config.toml"),
    ("codex", "macos", {}, "/Users/user/.codex/config.toml"),
    ("codex", "windows", {}, "C:\\Users\\user\\.codex\\config.toml"),
    ("codex", "linux", {"CODEX_HOME": "/cx"}, "/cx/config.toml"),
    ("codex", "windows", {"CODEX_HOME": "D:\\cx"}, "D:\\cx\\config.toml"),
    ("continue", "linux", {}, "/home/user/.continue/config.yaml"),
    ("continue", "macos", {}, "/Users/user/.continue/config.yaml"),
    ("continue", "windows", {}, "C:\\Users\\user\\.continue\\config.yaml"),
    ("continue", "macos", {"CONTINUE_GLOBAL_DIR": "/cn"}, "/cn/config.yaml"),
    ("copilot-cli", "linux", {"XDG_CONFIG_HOME": "/cfg"}, "/home/user/.copilot/mcp-config.json"),
    ("copilot-cli", "macos", {}, "/Users/user/.copilot/mcp-config.json"),
    ("copilot-cli", "windows", {}, "C:\\Users\\user\\.copilot\\mcp-config.json"),
    ("copilot-cli", "linux", {"COPILOT_HOME": "/cp"}, "/cp/mcp-config.json"),
    ("cursor", "linux", {"XDG_CONFIG_HOME": "/cfg"}, "/home/user/.cursor/mcp.json"),
    ("cursor", "macos", {}, "/Users/user/.cursor/mcp.json"),
    ("cursor", "windows", {}, "C:\\Users\\user\\.cursor\\mcp.json"),
    ("gemini-cli", "linux", {}, "/home/user/.gemini/settings.json"),
    ("gemini-cli", "macos", {"GEMINI_CLI_HOME": "/g"}, "/g/.gemini/settings.json"),
    ("gemini-cli", "windows", {}, "C:\\Users\\user\\.gemini\\settings.json"),
    ("kilo", "linux", {}, "/home/user/.config/kilo/kilo.json"),
    ("kilo", "linux", {"XDG_CONFIG_HOME": "/cfg"}, "/cfg/kilo/kilo.json"),
    ("kilo", "macos", {}, "/Users/user/.config/kilo/kilo.json"),
    ("kilo", "windows", {}, "C:\\Users\\user\\.config\\kilo\\kilo.json"),
    ("opencode", "linux", {}, "/home/user/.config/opencode/opencode.json"),
    ("opencode", "linux", {"XDG_CONFIG_HOME": "/cfg"}, "/cfg/opencode/opencode.json"),
    ("opencode", "macos", {}, "/Users/user/.config/opencode/opencode.json"),
    ("opencode", "windows", {}, "C:\\Users\\user\\.config\\opencode\\opencode.json"),
    ("opencode", "windows", {"XDG_CONFIG_HOME": "D:\\cfg"}, "D:\\cfg\\opencode\\opencode.json"),
    # These two add a file of their own and move none.
    ("opencode", "linux", {"OPENCODE_CONFIG": "/x.json"}, "/home/user/.config/opencode/opencode.json"),
    ("opencode", "linux", {"OPENCODE_CONFIG_DIR": "/x"}, "/home/user/.config/opencode/opencode.json"),
    ("qwen-code", "linux", {}, "/home/user/.qwen/settings.json"),
    ("qwen-code", "macos", {"QWEN_HOME": "/q"}, "/q/settings.json"),
    ("qwen-code", "windows", {}, "C:\\Users\\user\\.qwen\\settings.json"),
    ("vscode", "linux", {}, "/home/user/.config/Code/User/mcp.json"),
    ("vscode", "linux", {"XDG_CONFIG_HOME": "/cfg"}, "/cfg/Code/User/mcp.json"),
    ("vscode", "macos", {}, f"{MAC}/Code/User/mcp.json"),
    ("vscode", "windows", {}, f"{ROAMING}\\Code\\User\\mcp.json"),
    ("vscode", "linux", {"VSCODE_APPDATA": "/data"}, "/data/Code/User/mcp.json"),
    ("vscode", "windows", {"VSCODE_APPDATA": "D:\\data"}, "D:\\data\\Code\\User\\mcp.json"),
    ("vscode", "macos", {"VSCODE_PORTABLE": "/p", "VSCODE_APPDATA": "/d"}, "/p/user-data/User/mcp.json"),
    ("vscode-insiders", "linux", {}, "/home/user/.config/Code - Insiders/User/mcp.json"),
    ("vscode-insiders", "macos", {}, f"{MAC}/Code - Insiders/User/mcp.json"),
    ("vscode-insiders", "windows", {}, f"{ROAMING}\\Code - Insiders\\User\\mcp.json"),
    ("vscode-insiders", "linux", {"VSCODE_APPDATA": "/data"}, "/data/Code - Insiders/User/mcp.json"),
    ("vscodium", "linux", {}, "/home/user/.config/VSCodium/User/mcp.json"),
    ("vscodium", "macos", {}, f"{MAC}/VSCodium/User/mcp.json"),
    ("vscodium", "windows", {}, f"{ROAMING}\\VSCodium\\User\\mcp.json"),
]

PROJECT_FILES = {
    "claude-code": ".mcp.json",
    "codex": ".codex/config.toml",
    "copilot-cli": ".mcp.json",
    "cursor": ".cursor/mcp.json",
    "gemini-cli": ".gemini/settings.json",
    "kilo": "kilo.json",
    "opencode": "opencode.json",
    "qwen-code": ".qwen/settings.json",
    "vscode": ".vscode/mcp.json",
    "vscode-insiders": ".vscode/mcp.json",
    "vscodium": ".vscode/mcp.json",
}


@pytest.mark.parametrize(("host", "platform", "env", "path"), USER_FILES)
def test_the_file_of_a_user(host: str, platform: Platform, env: dict[str, str], path: str) -> None:
    here = machine(platform, env=env)
    assert find(host).locate(here).path == path
    if path != find(host).locate(machine(platform)).path and "APPDATA" not in env:
        assert find(host).relocated_by(here, "user"), "what moved the file is named"


def test_every_host_is_located_on_every_platform_and_with_every_variable() -> None:
    assert {(host, platform) for host, platform, _, _ in USER_FILES} == {
        (host.id, platform) for host in HOSTS for platform in ("linux", "macos", "windows")
    }
    for host in HOSTS:
        tried = {name for one, _, env, _ in USER_FILES for name in env if one == host.id}
        by_code = set(CODE_RELOCATORS) if host.id != "vscode" else set()
        assert set(host.scopes["user"].relocators) - by_code <= tried


@pytest.mark.parametrize("platform", ["linux", "macos", "windows"])
def test_the_file_of_a_project(platform: Platform) -> None:
    here = machine(platform)
    for host in HOSTS:
        if host.id in PROJECT_FILES:
            expected = here.join(here.home, "work", PROJECT_FILES[host.id])
            assert host.locate(here, "project", "work").path == expected
            assert host.locate(here, "project", here.join(here.home, "work")).path == expected
        else:
            with pytest.raises(Misuse, match="has no project scope"):
                host.locate(here, "project", "work")


def test_without_a_folder_the_project_is_the_working_folder() -> None:
    assert find("cursor").locate(machine(cwd="/home/user/p"), "project").path == "/home/user/p/.cursor/mcp.json"


SECTIONS: list[tuple[str, Scope, tuple[str, ...], str | None, str]] = [
    ("claude-code", "user", ("mcpServers",), None, "jsonc"),
    ("claude-code", "project", ("mcpServers",), None, "jsonc"),
    ("claude-code", "local", ("projects", "/home/user", "mcpServers"), None, "jsonc"),
    ("claude-desktop", "user", ("mcpServers",), None, "jsonc"),
    ("cline", "user", ("mcpServers",), None, "jsonc"),
    ("codex", "user", ("mcp_servers",), None, "toml"),
    ("codex", "project", ("mcp_servers",), None, "toml"),
    ("continue", "user", ("mcpServers",), "name", "yaml"),
    ("copilot-cli", "user", ("mcpServers",), None, "jsonc"),
    ("copilot-cli", "project", ("mcpServers",), None, "jsonc"),
    ("cursor", "user", ("mcpServers",), None, "jsonc"),
    ("cursor", "project", ("mcpServers",), None, "jsonc"),
    ("gemini-cli", "user", ("mcpServers",), None, "jsonc"),
    ("gemini-cli", "project", ("mcpServers",), None, "jsonc"),
    ("kilo", "user", ("mcp",), None, "jsonc"),
    ("kilo", "project", ("mcp",), None, "jsonc"),
    ("opencode", "user", ("mcp",), None, "jsonc"),
    ("opencode", "project", ("mcp",), None, "jsonc"),
    ("qwen-code", "user", ("mcpServers",), None, "jsonc"),
    ("qwen-code", "project", ("mcpServers",), None, "jsonc"),
    *(
        (build, scope, ("servers",), None, "jsonc")
        for build in ("vscode", "vscode-insiders", "vscodium")
        for scope in ("user", "project")
    ),
]


@pytest.mark.parametrize(("host", "scope", "path", "keyed_by", "fmt"), SECTIONS)
def test_the_section_and_format_of_each_file(
    host: str, scope: Scope, path: tuple[str, ...], keyed_by: str | None, fmt: str
) -> None:
    location = find(host).locate(machine(), scope)
    assert (location.section.path, location.section.keyed_by, location.format) == (path, keyed_by, fmt)


def test_every_scope_of_every_host_is_in_that_table() -> None:
    assert [(host, scope) for host, scope, *_ in SECTIONS] == [
        (host.id, scope) for host in HOSTS for scope in sorted(host.scopes, key=["user", "project", "local"].index)
    ]


def test_claude_code_prefers_the_state_file_of_its_early_versions() -> None:
    old = machine(files={"/home/user/.claude/.config.json": b"{}"})
    assert find("claude-code").locate(old).path == "/home/user/.claude/.config.json"
    moved = machine(env={"CLAUDE_CONFIG_DIR": "/cc"}, files={"/cc/.config.json": b"{}"})
    assert find("claude-code").locate(moved, "local").path == "/cc/.config.json"


def test_a_local_server_belongs_to_the_git_checkout_that_holds_the_folder() -> None:
    here = machine(
        files={
            "/home/user/repo/.git/HEAD": b"ref",
            "/home/user/repo/deep/er": None,
            "/home/user/plain/deep": None,
            # A worktree points into the repository, a submodule into its parent's without a commondir.
            "/home/user/tree/.git": b"gitdir: /home/user/repo/.git/worktrees/tree\n",
            "/home/user/repo/.git/worktrees/tree/commondir": b"../..\n",
            "/home/user/repo/sub/.git": b"gitdir: ../.git/modules/sub\n",
            "/home/user/bare-tree/.git": b"gitdir: /srv/bare/worktrees/t\n",
            "/srv/bare/worktrees/t/commondir": b"../..\n",
        },
        links={"/home/user/link": "/home/user/repo/deep"},
    )

    def key(folder: str) -> str:
        return find("claude-code").locate(here, "local", folder).section.path[1]

    assert key("/home/user/repo") == "/home/user/repo"
    assert key("/home/user/repo/deep/er") == "/home/user/repo"
    assert key("/home/user/link") == "/home/user/repo"
    assert key("/home/user/plain/deep") == "/home/user/plain/deep"
    assert key("/home/user/tree") == "/home/user/repo"
    assert key("/home/user/repo/sub") == "/home/user/repo/sub"
    assert key("/home/user/bare-tree") == "/srv/bare"


def test_on_windows_a_local_server_is_kept_under_forward_slashes() -> None:
    here = machine("windows", files={"C:\\work\\.git": None})
    assert find("claude-code").locate(here, "local", "C:\\work\\deep").section.path[1] == "C:/work"


def test_a_decomposed_name_of_a_project_is_composed() -> None:
    location = find("claude-code").locate(machine(), "local", "/home/user/cafe\u0301")
    assert location.section.path[1] == "/home/user/caf\u00e9"


@pytest.mark.parametrize(
    ("files", "path"),
    [
        ([f"{PACKAGES}\\Claude_pzs8sxrjxfjjc\\LocalCache\\Roaming\\Claude", f"{ROAMING}\\Claude"], "packaged"),
        ([f"{PACKAGES}\\Claude_pzs8sxrjxfjjc\\LocalCache\\Roaming\\Claude"], "packaged"),
        ([f"{PACKAGES}\\Claude_pzs8sxrjxfjjc"], "packaged"),
        ([f"{PACKAGES}\\Claude_pzs8sxrjxfjjc", f"{ROAMING}\\Claude"], "usual"),
        ([f"{PACKAGES}\\Other_pzs8sxrjxfjjc\\LocalCache\\Roaming\\Claude"], "usual"),
    ],
)
def test_the_packaged_claude_desktop_wins_where_it_is_used(files: list[str], path: str) -> None:
    expected = {
        "packaged": f"{PACKAGES}\\Claude_pzs8sxrjxfjjc\\LocalCache\\Roaming\\Claude\\claude_desktop_config.json",
        "usual": f"{ROAMING}\\Claude\\claude_desktop_config.json",
    }[path]
    here = machine("windows", files=dict.fromkeys(files))
    assert find("claude-desktop").locate(here).path == expected


WITH = b'{"mcp": {"a": {"type": "local", "command": ["x"]}}}'
WITHOUT = b'{// nothing yet\n"theme": "x"}'
BROKEN = b'{"mcp": '


@pytest.mark.parametrize(
    ("files", "chosen"),
    [
        ({}, "opencode.json"),
        ({"opencode.jsonc": WITHOUT}, "opencode.jsonc"),
        ({"config.json": WITHOUT}, "config.json"),
        ({"config.json": WITH, "opencode.json": WITHOUT}, "config.json"),
        ({"opencode.json": WITH, "opencode.jsonc": WITHOUT}, "opencode.json"),
        ({"opencode.json": WITHOUT, "opencode.jsonc": WITH}, "opencode.jsonc"),
        ({"opencode.json": WITH, "opencode.jsonc": WITH}, "opencode.jsonc"),
        ({"opencode.json": WITHOUT, "opencode.jsonc": WITHOUT}, "opencode.jsonc"),
        ({"opencode.json": BROKEN, "opencode.jsonc": WITHOUT}, "opencode.json"),
        ({"opencode.json": b"", "opencode.jsonc": b""}, "opencode.jsonc"),
    ],
)
def test_opencode_keeps_servers_together(files: dict[str, bytes], chosen: str) -> None:
    folder = "/home/user/.config/opencode/"
    here = machine(files={folder + name: content for name, content in files.items()})
    assert find("opencode").locate(here).path == folder + chosen


def test_opencode_finds_a_projects_servers_in_its_own_folder() -> None:
    here = machine(files={"/p/opencode.json": WITHOUT, "/p/.opencode/opencode.jsonc": WITH})
    assert find("opencode").locate(here, "project", "/p").path == "/p/.opencode/opencode.jsonc"


@pytest.mark.parametrize(
    ("files", "chosen"),
    [
        ({}, ".mcp.json"),
        ({".github/mcp.json": WITH}, ".github/mcp.json"),
        ({".github/mcp.json": WITH, ".mcp.json": b"{}"}, ".mcp.json"),  # which hides the other one from Copilot
    ],
)
def test_copilot_reads_the_first_of_a_projects_two_files(files: dict[str, bytes], chosen: str) -> None:
    here = machine(files={f"/p/{name}": content for name, content in files.items()})
    assert find("copilot-cli").locate(here, "project", "/p").path == f"/p/{chosen}"


def test_a_new_mcp_json_does_not_hide_copilots_servers() -> None:
    row, servers = find("claude-code"), b'{"mcpServers": {"a": {"command": "x"}}}'
    hiding = machine(files={"/p/.github/mcp.json": servers})
    assert "/p/.github/mcp.json" in (row.before_create(hiding, row.locate(hiding, "project", "/p")) or "")
    assert row.before_create(hiding, row.locate(hiding, "local", "/p")) is None
    for fine in (machine(), machine(files={"/p/.github/mcp.json": b"{}"})):
        assert row.before_create(fine, row.locate(fine, "project", "/p")) is None


OLDER_CLINE = f"/home/user/.config/Code/User/globalStorage/saoudrizwan.claude-dev/{CLINE}"
SHARED_CLINE = f"/home/user/.cline/data/{CLINE}"


@pytest.mark.parametrize(
    ("files", "chosen"),
    [
        ({OLDER_CLINE: b'{"mcpServers": {"a": {"command": "x"}}}'}, OLDER_CLINE),
        ({OLDER_CLINE: b'{"mcpServers": {}}'}, SHARED_CLINE),
        ({OLDER_CLINE: b'{"mcpServers": {"a": {"command": "x"}}}', SHARED_CLINE: b"{}"}, SHARED_CLINE),
    ],
)
def test_clines_older_file_is_used_until_it_was_taken_over(files: dict[str, bytes], chosen: str) -> None:
    assert find("cline").locate(machine(files=files)).path == chosen


def test_the_other_files_that_a_host_reads_are_known() -> None:
    opencode = "/home/user/.config/opencode"
    here = machine(
        files={
            f"{opencode}/config.json": WITHOUT,
            f"{opencode}/opencode.json": WITH,
            "/extra.json": WITH,
            "/p/.mcp.json": b"{}",
            "/home/user/.continue/mcpServers/a.yaml": b"",
            "/home/user/.config/Code/User/profiles/1/mcp.json": b"",
        },
        env={"OPENCODE_CONFIG": "/extra.json"},
    )
    assert [place.path for place in find("opencode").others(here, "user")] == [f"{opencode}/config.json"]
    assert [place.path for place in find("opencode").above(here, "user")] == ["/extra.json"]
    (root,) = find("vscode").others(here, "project", "/p")
    assert (root.path, root.section.path) == ("/p/.mcp.json", ("mcpServers",))
    assert [place.path for place in find("vscode").others(here, "user")] == [
        "/home/user/.config/Code/User/profiles/1/mcp.json"
    ]
    (block,) = find("continue").others(here, "user")
    assert (block.format, block.section.keyed_by) == ("yaml", "name")


def test_continue_does_not_hide_an_older_config() -> None:
    row, older = find("continue"), "/home/user/.continue/config.json"
    hiding = machine(files={older: b"{}"})
    reason = row.before_create(hiding, row.locate(hiding))
    assert reason is not None
    assert older in reason
    both = machine(files={older: b"{}", "/home/user/.continue/config.yaml": b""})
    for fine in (machine(), both):
        assert row.before_create(fine, row.locate(fine)) is None


def test_codex_needs_the_home_that_it_was_given() -> None:
    row = find("codex")
    missing = machine(env={"CODEX_HOME": "/cx"})
    assert "CODEX_HOME" in (row.before_create(missing, row.locate(missing)) or "")
    assert row.before_create(missing, row.locate(missing, "project", "/p")) is None
    for fine in (machine(), machine(env={"CODEX_HOME": "/cx"}, files={"/cx": None})):
        assert row.before_create(fine, row.locate(fine)) is None


def test_files_that_hold_state_of_their_own_are_made_private() -> None:
    private = {(host.id, scope) for host in HOSTS for scope, file in host.scopes.items() if file.mode == 0o600}
    assert private == {
        ("claude-code", "user"),
        ("claude-code", "local"),
        ("codex", "user"),
        ("copilot-cli", "user"),
    }
