"""What the call page says of measures, component codes and findings, in both languages: the gateway's own tables. Pure.

They are told to the page as they are, so that no sentence stands in two places.
"""

from __future__ import annotations

from typing import Any

from gateway.quality.component_codes import CODES
from gateway.quality.measures import MEASURES
from gateway.quality.troubles import TROUBLES


def words() -> dict[str, Any]:
    """`measures` by name, `codes` by direction and number, `findings` by number; none of it is secret."""
    codes: dict[str, dict[str, Any]] = {"push": {}, "pull": {}}
    for code in CODES.values():
        codes[code.direction][str(code.number)] = {"kind": code.kind.value, "en": code.en, "zh": code.zh}
    return {
        "measures": {one.name: {"unit": one.unit.value, "en": one.en, "zh": one.zh} for one in MEASURES.values()},
        "codes": codes,
        "findings": {
            str(one.number): {"en": one.en, "zh": one.zh, "change": one.change_en, "changeZh": one.change_zh} for one in TROUBLES
        },
    }
