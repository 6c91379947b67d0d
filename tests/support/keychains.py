"""Keychains that tests use: real backends of keyring, chosen by `PYTHON_KEYRING_BACKEND`."""

ALT = "keyrings.alt.file.PlaintextKeyring"
"""A file below the home folder."""

NONE = "keyring.backends.fail.Keyring"
"""What keyring falls back to where there is no keychain."""
