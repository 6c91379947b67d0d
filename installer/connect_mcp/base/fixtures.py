"""Where the data files are that the programs read: recorded sessions, error payloads, requirements."""

from pathlib import Path


def fixtures() -> Path:
    """The folder of fixtures: inside the installed package, or the repository's own in a checkout.

    A wheel carries them as `connect_mcp/fixtures`, beside this module's folder.

    Raises:
        FileNotFoundError: where neither is there, which only a broken installation can bring about.
    """
    here = Path(__file__).resolve()
    for folder in (here.parents[1] / "fixtures", here.parents[3] / "fixtures"):
        if folder.is_dir():
            return folder
    raise FileNotFoundError("connect-mcp was installed without its fixtures")
