"""Codec configurations, parameter sets and pictures from anyone."""

from __future__ import annotations

from adapters.media import aac, h264
from adapters.media.bits import MalformedMedia
from tests.fuzz import run

UUID = bytes(16)


def one_input(data: bytes) -> None:
    """Every reader gets the same bytes; what one of them accepts can be written again."""
    for read in (aac.parse_config, h264.parse_sps, h264.nal_units, h264.split_annex_b, _picture, _record):
        try:
            read(data)
        except MalformedMedia:
            pass


def _picture(data: bytes) -> None:
    h264.user_data(data, UUID)
    assert h264.user_data(h264.with_user_data(data, UUID, b"mark"), UUID) is not None


def _record(data: bytes) -> None:
    config = h264.parse_config(data)
    assert h264.parse_config(config.to_bytes()) == config


if __name__ == "__main__":
    run(one_input)
