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
ROO = "globalStorage/rooveterinaryinc.roo-cline/settings/mcp_settings.json"
WINDOWS_ROO = ROO.replace("/", "\\")
CLINE = "settings/cline_mcp_settings.json"
WINDOWS_CLINE = CLINE.replace("/", "\\")
PACKAGES = "C:\\Users\\user\\AppData\\Local\\Packages"

USER_FILES: list[tuple[str, Platform, dict[str, str], str]] = [
    ("amp", "linux", {}, "/home/user/.config/amp/settings.json"),
    ("amp", "macos", {}, "/Users/user/.config/amp/settings.json"),
    ("amp", "windows", {}, "C:\\Users\\user\\.config\\amp\\settings.json"),
    ("antigravity", "linux", {}, "/home/user/.gemini/config/mcp_config.json"),
    ("antigravity", "macos", {}, "/Users/user/.gemini/config/mcp_config.json"),
    ("antigravity", "windows", {}, "C:\\Users\\user\\.gemini\\config\\mcp_config.json"),
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
    ("crush", "linux", {}, "/home/user/.config/crush/crush.json"),
    ("crush", "macos", {}, "/Users/user/.config/crush/crush.json"),
    ("crush", "windows", {}, "C:\\Users\\user\\.config\\crush\\crush.json"),
    ("crush", "linux", {"XDG_CONFIG_HOME": "/cfg"}, "/cfg/crush/crush.json"),
    ("crush", "windows", {"CRUSH_GLOBAL_CONFIG": "D:\\cr"}, "D:\\cr\\crush.json"),
    ("cursor", "linux", {"XDG_CONFIG_HOME": "/cfg"}, "/home/user/.cursor/mcp.json"),
    ("cursor", "macos", {}, "/Users/user/.cursor/mcp.json"),
    ("cursor", "windows", {}, "C:\\Users\\user\\.cursor\\mcp.json"),
    ("factory-droid", "linux", {}, "/home/user/.factory/mcp.json"),
    ("factory-droid", "macos", {}, "/Users/user/.factory/mcp.json"),
    ("factory-droid", "windows", {}, "C:\\Users\\user\\.factory\\mcp.json"),
    ("gemini-cli", "linux", {}, "/home/user/.gemini/settings.json"),
    ("gemini-cli", "macos", {"GEMINI_CLI_HOME": "/g"}, "/g/.gemini/settings.json"),
    ("gemini-cli", "windows", {}, "C:\\Users\\user\\.gemini\\settings.json"),
    ("goose", "linux", {}, "/home/user/.config/goose/config.yaml"),
    ("goose", "macos", {}, "/Users/user/.config/goose/config.yaml"),
    ("goose", "windows", {}, f"{ROAMING}\\Block\\goose\\config\\config.yaml"),
    ("goose", "macos", {"XDG_CONFIG_HOME": "/cfg"}, "/cfg/goose/config.yaml"),
    ("goose", "linux", {"GOOSE_PATH_ROOT": "/gs"}, "/gs/config/config.yaml"),
    ("hermes", "linux", {}, "/home/user/.hermes/config.yaml"),
    ("hermes", "macos", {}, "/Users/user/.hermes/config.yaml"),
    ("hermes", "windows", {}, "C:\\Users\\user\\AppData\\Local\\hermes\\config.yaml"),
    ("hermes", "linux", {"HERMES_HOME": "/hm"}, "/hm/config.yaml"),
    ("junie", "linux", {}, "/home/user/.junie/mcp/mcp.json"),
    ("junie", "macos", {}, "/Users/user/.junie/mcp/mcp.json"),
    ("junie", "windows", {}, "C:\\Users\\user\\.junie\\mcp\\mcp.json"),
    ("kilo", "linux", {}, "/home/user/.config/kilo/kilo.json"),
    ("kilo", "linux", {"XDG_CONFIG_HOME": "/cfg"}, "/cfg/kilo/kilo.json"),
    ("kilo", "macos", {}, "/Users/user/.config/kilo/kilo.json"),
    ("kilo", "windows", {}, "C:\\Users\\user\\.config\\kilo\\kilo.json"),
    ("kiro", "linux", {}, "/home/user/.kiro/settings/mcp.json"),
    ("kiro", "macos", {}, "/Users/user/.kiro/settings/mcp.json"),
    ("kiro", "windows", {}, "C:\\Users\\user\\.kiro\\settings\\mcp.json"),
    ("lm-studio", "linux", {}, "/home/user/.lmstudio/mcp.json"),
    ("lm-studio", "macos", {}, "/Users/user/.lmstudio/mcp.json"),
    ("lm-studio", "windows", {}, "C:\\Users\\user\\.lmstudio\\mcp.json"),
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
    ("roo-code", "linux", {}, f"/home/user/.config/Code/User/{ROO}"),
    ("roo-code", "macos", {}, f"{MAC}/Code/User/{ROO}"),
    ("roo-code", "windows", {}, f"{ROAMING}\\Code\\User\\{WINDOWS_ROO}"),
    ("roo-code", "linux", {"VSCODE_PORTABLE": "/p"}, f"/p/user-data/User/{ROO}"),
    ("trae", "linux", {}, "/home/user/.config/Trae/User/mcp.json"),
    ("trae", "macos", {}, f"{MAC}/Trae/User/mcp.json"),
    ("trae", "windows", {}, f"{ROAMING}\\Trae\\User\\mcp.json"),
    ("trae", "linux", {"XDG_CONFIG_HOME": "/cfg"}, "/cfg/Trae/User/mcp.json"),
    ("visual-studio", "linux", {}, "/home/user/.mcp.json"),
    ("visual-studio", "macos", {}, "/Users/user/.mcp.json"),
    ("visual-studio", "windows", {}, "C:\\Users\\user\\.mcp.json"),
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
    ("warp", "linux", {}, "/home/user/.warp/.mcp.json"),
    ("warp", "macos", {}, "/Users/user/.warp/.mcp.json"),
    ("warp", "windows", {}, "C:\\Users\\user\\.warp\\.mcp.json"),
    ("windsurf", "linux", {}, "/home/user/.codeium/windsurf/mcp_config.json"),
    ("windsurf", "macos", {}, "/Users/user/.codeium/windsurf/mcp_config.json"),
    ("windsurf", "windows", {}, "C:\\Users\\user\\.codeium\\windsurf\\mcp_config.json"),
    ("zed", "linux", {}, "/home/user/.config/zed/settings.json"),
    ("zed", "macos", {}, "/Users/user/.config/zed/settings.json"),
    ("zed", "windows", {}, f"{ROAMING}\\Zed\\settings.json"),
    ("zed", "linux", {"XDG_CONFIG_HOME": "/cfg"}, "/cfg/zed/settings.json"),
    ("zed", "linux", {"FLATPAK_XDG_CONFIG_HOME": "/fp", "XDG_CONFIG_HOME": "/cfg"}, "/fp/zed/settings.json"),
    ("zed", "macos", {"XDG_CONFIG_HOME": "/cfg"}, "/Users/user/.config/zed/settings.json"),
]

PROJECT_FILES = {
    "amp": ".amp/settings.json",
    "antigravity": ".agents/mcp_config.json",
    "claude-code": ".mcp.json",
    "codex": ".codex/config.toml",
    "copilot-cli": ".mcp.json",
    "crush": "crush.json",
    "cursor": ".cursor/mcp.json",
    "factory-droid": ".factory/mcp.json",
    "gemini-cli": ".gemini/settings.json",
    "junie": ".junie/mcp/mcp.json",
    "kilo": "kilo.json",
    "kiro": ".kiro/settings/mcp.json",
    "opencode": "opencode.json",
    "qwen-code": ".qwen/settings.json",
    "roo-code": ".roo/mcp.json",
    "trae": ".trae/mcp.json",
    "visual-studio": ".vscode/mcp.json",
    "vscode": ".vscode/mcp.json",
    "vscode-insiders": ".vscode/mcp.json",
    "vscodium": ".vscode/mcp.json",
    "warp": ".warp/.mcp.json",
    "zed": ".zed/settings.json",
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
    ("amp", "user", ("amp.mcpServers",), None, "jsonc"),
    ("amp", "project", ("amp.mcpServers",), None, "jsonc"),
    ("antigravity", "user", ("mcpServers",), None, "jsonc"),
    ("antigravity", "project", ("mcpServers",), None, "jsonc"),
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
    ("crush", "user", ("mcp",), None, "jsonc"),
    ("crush", "project", ("mcp",), None, "jsonc"),
    ("cursor", "user", ("mcpServers",), None, "jsonc"),
    ("cursor", "project", ("mcpServers",), None, "jsonc"),
    ("factory-droid", "user", ("mcpServers",), None, "jsonc"),
    ("factory-droid", "project", ("mcpServers",), None, "jsonc"),
    ("gemini-cli", "user", ("mcpServers",), None, "jsonc"),
    ("gemini-cli", "project", ("mcpServers",), None, "jsonc"),
    ("goose", "user", ("extensions",), None, "yaml"),
    ("hermes", "user", ("mcp_servers",), None, "yaml"),
    ("junie", "user", ("mcpServers",), None, "jsonc"),
    ("junie", "project", ("mcpServers",), None, "jsonc"),
    ("kilo", "user", ("mcp",), None, "jsonc"),
    ("kilo", "project", ("mcp",), None, "jsonc"),
    ("kiro", "user", ("mcpServers",), None, "jsonc"),
    ("kiro", "project", ("mcpServers",), None, "jsonc"),
    ("lm-studio", "user", ("mcpServers",), None, "jsonc"),
    ("opencode", "user", ("mcp",), None, "jsonc"),
    ("opencode", "project", ("mcp",), None, "jsonc"),
    ("qwen-code", "user", ("mcpServers",), None, "jsonc"),
    ("qwen-code", "project", ("mcpServers",), None, "jsonc"),
    ("roo-code", "user", ("mcpServers",), None, "jsonc"),
    ("roo-code", "project", ("mcpServers",), None, "jsonc"),
    ("trae", "user", ("mcpServers",), None, "jsonc"),
    ("trae", "project", ("mcpServers",), None, "jsonc"),
    ("visual-studio", "user", ("servers",), None, "jsonc"),
    ("visual-studio", "project", ("servers",), None, "jsonc"),
    *(
        (build, scope, ("servers",), None, "jsonc")
        for build in ("vscode", "vscode-insiders", "vscodium")
        for scope in ("user", "project")
    ),
    ("warp", "user", ("mcpServers",), None, "jsonc"),
    ("warp", "project", ("mcpServers",), None, "jsonc"),
    ("windsurf", "user", ("mcpServers",), None, "jsonc"),
    ("zed", "user", ("context_servers",), None, "jsonc"),
    ("zed", "project", ("context_servers",), None, "jsonc"),
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


@pytest.mark.parametrize(
    ("files", "folder"),
    [
        ({"/home/user/.cache/lm-studio": None}, "/home/user/.cache/lm-studio"),
        ({"/home/user/.cache/lm-studio": None, "/home/user/.lmstudio": None}, "/home/user/.lmstudio"),
        ({"/home/user/.lmstudio-home-pointer": b"/big/lm\n", "/big/lm": None, "/home/user/.lmstudio": None}, "/big/lm"),
        ({"/home/user/.lmstudio-home-pointer": b"/gone", "/home/user/.lmstudio": None}, "/home/user/.lmstudio"),
    ],
)
def test_lm_studios_home_is_the_one_that_it_points_to(files: dict[str, bytes | None], folder: str) -> None:
    assert find("lm-studio").locate(machine(files=files)).path == f"{folder}/mcp.json"


SERVERS = b'{"mcpServers": {"a": {"command": "x"}}}'


@pytest.mark.parametrize(
    ("files", "folder"),
    [
        ({}, "config"),
        ({"antigravity": None}, "antigravity"),
        ({"antigravity": None, "config": None}, "config"),
        ({"antigravity/mcp_config.json": SERVERS, "config/mcp_config.json": b""}, "antigravity"),
        ({"antigravity/mcp_config.json": SERVERS, "config/mcp_config.json": SERVERS}, "config"),
    ],
)
def test_antigravitys_file_is_the_one_that_holds_servers(files: dict[str, bytes | None], folder: str) -> None:
    here = machine(files={f"/home/user/.gemini/{name}": content for name, content in files.items()})
    assert find("antigravity").locate(here).path == f"/home/user/.gemini/{folder}/mcp_config.json"


def test_visual_studio_uses_the_project_file_that_is_there_and_is_not_set_up_elsewhere() -> None:
    row, files = find("visual-studio"), {"C:\\s\\.mcp.json": b'{"servers": {"a": {"command": "x"}}}'}
    assert row.locate(machine("windows", files=files), "project", "C:\\s").path == "C:\\s\\.mcp.json"
    others = machine("windows", files={"C:\\s\\.mcp.json": SERVERS, "C:\\s\\.cursor\\mcp.json": BROKEN})
    assert row.locate(others, "project", "C:\\s").path == "C:\\s\\.vscode\\mcp.json", "Claude Code rejects `servers`"
    assert row.before_create(machine("windows"), row.locate(machine("windows"))) is None
    assert "for Windows" in (row.before_create(machine(), row.locate(machine())) or "")


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
