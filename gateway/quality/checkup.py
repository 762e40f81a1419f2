"""The check-up of a published stream: what about it will trouble viewers, and what its publisher should change. Pure.

The media side gathers the facts once the first group of pictures is there (`adapters/media/examination.py`).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that may be found. Numbers are stable, as those of errors are."""

    number: int
    """18041xx."""
    name: str
    en: str
    zh: str
    change_en: str
    """What to change."""
    change_zh: str


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that was found in a stream."""

    trouble: Trouble
    detail: str = ""
    """What was measured, such as `GOP 10.2 s`."""
