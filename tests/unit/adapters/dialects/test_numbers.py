"""One table of numbers: complete, and the one that the SDKs speak."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from adapters.dialects.numbers import TABLE, as_json, is_own
from gateway.errors import FAULTS
from tests.support.tools import MissingProgramError, program

ROOT = Path(__file__).resolve().parents[4]
NERTC_SDK = ROOT / "clients" / "mini" / "nertc" / "errors.js"


def test_every_fault_has_its_numbers() -> None:
    assert list(TABLE) == [fault.number for fault in FAULTS]
    assert all(one.fault.number == number for number, one in TABLE.items())


@pytest.mark.parametrize("number", TABLE)
def test_zegos_programs_get_numbers_of_zegos(number: int) -> None:
    one = TABLE[number]
    assert not is_own(one.zego)
    assert not is_own(one.zego_playing)
    if not is_own(number):
        assert (one.zego, one.zego_playing) == (number, number)


def test_the_json_is_the_table() -> None:
    told = json.loads(json.dumps(as_json()))
    assert told["1002033"] == {"name": "TOKEN_INVALID", "zego": 1002033, "zegoPlaying": 1002033, "nertc": 414}
    assert told["1801006"] == {"name": "KEY_EXPIRED", "zego": 1003072, "zegoPlaying": 1004003, "nertc": 500}
    assert len(told) == len(FAULTS)


@pytest.mark.skipif(not NERTC_SDK.exists(), reason="the SDK is not there")
def test_the_nertc_sdk_says_the_same() -> None:
    try:
        node = program("node")
    except MissingProgramError as error:
        pytest.skip(str(error))
    asked = (
        f"const {{ nertcNumber }} = await import({json.dumps(NERTC_SDK.as_uri())});"
        f"console.log(JSON.stringify({json.dumps(list(TABLE))}.map((number) => nertcNumber(number, ''))));"
    )
    ran = subprocess.run([node, "--input-type=module", "-e", asked], capture_output=True, text=True, timeout=60, check=True)
    spoken = dict(zip(TABLE, json.loads(ran.stdout), strict=True))
    assert spoken == {number: one.nertc for number, one in TABLE.items()}
