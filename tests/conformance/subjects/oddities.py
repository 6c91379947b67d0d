# mypy: ignore-errors
# A program that the kit is pointed at, not a part of anything: it stays plain.
"""Servers that are unusual and yet keep every rule: nothing may be said against them."""

ODDITIES = {}
