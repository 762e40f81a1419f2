"""H.264: parameter sets, the two packagings of NAL units, and supplemental information.

Names and sections are those of ITU-T H.264 (the bitstream) and ISO/IEC 14496-15 (AVCC: the configuration record, and NAL
units after their lengths). Anything that does not follow them raises `MalformedMedia`; every loop over the bytes is
bounded by them.

Nothing is decoded here beyond what repackaging and statistics need. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum

from adapters.media.bits import BitReader, MalformedMedia


class NalType(IntEnum):
    """nal_unit_type (section 7.4.1, table 7-1): those that are met in practice."""

    SLICE = 1
    PARTITION_A = 2
    IDR = 5
    SEI = 6
    SPS = 7
    PPS = 8
    DELIMITER = 9
    END_OF_SEQUENCE = 10
    END_OF_STREAM = 11
    FILLER = 12


_FIRST_VCL = NalType.SLICE
_LAST_VCL = NalType.IDR

USER_DATA_UNREGISTERED = 5
"""SEI payloadType (section D.1.1)."""

START_CODE = b"\x00\x00\x00\x01"

# Profiles whose sequence parameter set tells the chroma format (section 7.3.2.1.1), and those whose configuration record
# does not repeat it (14496-15 section 5.3.3.1.2)
_CHROMA_PROFILES = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
_PLAIN_RECORD_PROFILES = frozenset({66, 77, 88})

_EXTENDED_SAR = 255
_MAX_DIMENSION = 16_384


@dataclass(frozen=True, slots=True)
class DecoderConfig:
    """An AVCDecoderConfigurationRecord (14496-15 section 5.3.3.1)."""

    profile: int
    compatibility: int
    level: int
    length_size: int
    """Bytes of the length before each NAL unit: 1, 2 or 4 (3 is accepted)."""
    sps: tuple[bytes, ...]
    pps: tuple[bytes, ...]

    def to_bytes(self) -> bytes:
        """The record as it is written."""
        out = bytearray((1, self.profile, self.compatibility, self.level, 0xFC | self.length_size - 1, 0xE0 | len(self.sps)))
        for unit in self.sps:
            out += len(unit).to_bytes(2, "big") + unit
        out.append(len(self.pps))
        for unit in self.pps:
            out += len(unit).to_bytes(2, "big") + unit
        if self.profile not in _PLAIN_RECORD_PROFILES and self.sps:
            first = parse_sps(self.sps[0])
            out += bytes((0xFC | first.chroma_format, 0xF8 | first.luma_bits - 8, 0xF8 | first.chroma_bits - 8, 0))
        return bytes(out)


@dataclass(frozen=True, slots=True)
class SequenceParameters:
    """What a sequence parameter set says (section 7.3.2.1.1), as far as it is of use."""

    profile: int
    compatibility: int
    level: int
    width: int
    """Pixels shown: cropping is taken off."""
    height: int
    frames_per_second: float | None
    """From the timing information; `None` if there is none or it makes no sense."""
    reorder_frames: int | None
    """max_num_reorder_frames: 0 promises that there are no B-frames; `None` if nothing is said."""
    chroma_format: int
    luma_bits: int
    chroma_bits: int


def parse_config(record: bytes) -> DecoderConfig:
    """Read a configuration record. What may follow the parameter sets is not looked at."""
    if len(record) < 7:
        raise MalformedMedia("an H.264 configuration record has at least 7 bytes")
    if record[0] != 1:
        raise MalformedMedia(f"version {record[0]} of the H.264 configuration record is not known")
    position = 6
    sps, position = _parameter_sets(record, position, record[5] & 0x1F, NalType.SPS)
    if position >= len(record):
        raise MalformedMedia("the H.264 configuration record ends early")
    pps, _ = _parameter_sets(record, position + 1, record[position], NalType.PPS)
    if not sps:
        raise MalformedMedia("the H.264 configuration record has no sequence parameter set")
    return DecoderConfig(record[1], record[2], record[3], (record[4] & 3) + 1, sps, pps)


def make_config(sps: Iterable[bytes], pps: Iterable[bytes]) -> DecoderConfig:
    """The configuration of a stream with these parameter sets and lengths of 4 bytes."""
    sequence, picture = tuple(sps), tuple(pps)
    if not 1 <= len(sequence) <= 31 or len(picture) > 255 or any(len(unit) > 0xFFFF for unit in (*sequence, *picture)):
        raise MalformedMedia("these parameter sets do not fit into an H.264 configuration record")
    if len(sequence[0]) < 4:
        raise MalformedMedia("a sequence parameter set has at least 4 bytes")
    return DecoderConfig(sequence[0][1], sequence[0][2], sequence[0][3], 4, sequence, picture)


def parse_sps(unit: bytes) -> SequenceParameters:
    """Read a sequence parameter set (a whole NAL unit with its first byte).

    Video usability information that ends early or makes no sense is left out of account: encoders get it wrong.
    """
    if not unit or unit[0] & 0x1F != NalType.SPS:
        raise MalformedMedia("this NAL unit is not a sequence parameter set")
    reader = BitReader(unescape(unit[1:]))
    profile, compatibility, level = reader.bits(8), reader.bits(8), reader.bits(8)
    reader.ue()  # seq_parameter_set_id
    chroma, luma_bits, chroma_bits = _chroma(reader) if profile in _CHROMA_PROFILES else (1, 8, 8)
    reader.ue()  # log2_max_frame_num_minus4
    _skip_picture_order(reader)
    reader.ue()  # max_num_ref_frames
    reader.skip(1)  # gaps_in_frame_num_value_allowed_flag
    width, height = _size(reader, chroma)
    rate, reorder = None, None
    if reader.left and reader.flag():  # vui_parameters_present_flag
        rate, reorder = _usability(reader)
    return SequenceParameters(profile, compatibility, level, width, height, rate, reorder, chroma, luma_bits, chroma_bits)


def nal_units(payload: bytes, length_size: int = 4) -> list[bytes]:
    """The NAL units of an AVCC payload; empty ones are left out."""
    units = []
    position, end = 0, len(payload)
    while position < end:
        start = position + length_size
        position = start + int.from_bytes(payload[position:start], "big")
        if start > end or position > end:
            raise MalformedMedia("a NAL unit is longer than what holds it")
        if position > start:
            units.append(payload[start:position])
    return units


def join_units(units: Iterable[bytes], length_size: int = 4) -> bytes:
    """An AVCC payload of these NAL units."""
    parts = []
    for unit in units:
        if len(unit) >> 8 * length_size:
            raise MalformedMedia("a NAL unit is too long for its length field")
        parts += [len(unit).to_bytes(length_size, "big"), unit]
    return b"".join(parts)


def to_annex_b(payload: bytes, length_size: int = 4) -> bytes:
    """The same NAL units after start codes (annex B)."""
    return b"".join([part for unit in nal_units(payload, length_size) for part in (START_CODE, unit)])


def split_annex_b(data: bytes) -> list[bytes]:
    """The NAL units of a byte stream (annex B). What stands before the first start code must be zero bytes."""
    starts = [match.end() for match in re.finditer(b"\x00\x00\x01", data)]
    if data[: starts[0] - 3 if starts else len(data)].strip(b"\x00"):
        raise MalformedMedia("a byte stream begins with a start code")
    ends = [start - 3 for start in starts[1:]] + [len(data)]
    units = [data[start:end].rstrip(b"\x00") for start, end in zip(starts, ends, strict=False)]
    return [unit for unit in units if unit]


def from_annex_b(data: bytes, length_size: int = 4) -> bytes:
    """The NAL units of a byte stream as an AVCC payload."""
    return join_units(split_annex_b(data), length_size)


def escape(rbsp: bytes) -> bytes:
    """Put in emulation prevention bytes (section 7.4.1): no start code may appear within a NAL unit."""
    escaped = re.sub(rb"\x00\x00(?=[\x00-\x03])", b"\x00\x00\x03", rbsp)
    return escaped + b"\x03" if escaped[-1:] == b"\x00" else escaped


def unescape(unit: bytes) -> bytes:
    """Take out emulation prevention bytes."""
    return unit.replace(b"\x00\x00\x03", b"\x00\x00")


def with_user_data(payload: bytes, uuid: bytes, data: bytes, length_size: int = 4) -> bytes:
    """The AVCC payload with `data` put in before its first picture slice, as user_data_unregistered (section D.1.7)."""
    if len(uuid) != 16:
        raise ValueError("a UUID has 16 bytes")
    size = len(uuid) + len(data)
    message = bytes((USER_DATA_UNREGISTERED,)) + b"\xff" * (size // 255) + bytes((size % 255,)) + uuid + data
    sei = bytes((NalType.SEI,)) + escape(message + b"\x80")
    units = nal_units(payload, length_size)
    at = next((index for index, unit in enumerate(units) if _FIRST_VCL <= unit[0] & 0x1F <= _LAST_VCL), len(units))
    return join_units([*units[:at], sei, *units[at:]], length_size)


def user_data(payload: bytes, uuid: bytes, length_size: int = 4) -> bytes | None:
    """The first user_data_unregistered with this UUID in an AVCC payload; `None` if there is none."""
    for unit in nal_units(payload, length_size):
        if unit[0] & 0x1F == NalType.SEI:
            for kind, message in sei_messages(unit):
                if kind == USER_DATA_UNREGISTERED and message[:16] == uuid:
                    return message[16:]
    return None


def sei_messages(unit: bytes) -> Iterator[tuple[int, bytes]]:
    """The messages of an SEI NAL unit: payloadType and content (section 7.3.2.3.1)."""
    rbsp = unescape(unit[1:])
    position = 0
    while len(rbsp) - position > 1:  # what is left at the end are trailing bits
        kind, position = _extended_number(rbsp, position)
        size, position = _extended_number(rbsp, position)
        if position + size > len(rbsp):
            raise MalformedMedia("an SEI message is longer than its NAL unit")
        yield kind, rbsp[position : position + size]
        position += size


def _extended_number(data: bytes, position: int) -> tuple[int, int]:
    number = 0
    while position < len(data):
        byte = data[position]
        position += 1
        number += byte
        if byte != 0xFF:
            return number, position
    raise MalformedMedia("an SEI message ends early")


def _parameter_sets(record: bytes, position: int, count: int, kind: NalType) -> tuple[tuple[bytes, ...], int]:
    units = []
    for _ in range(count):
        start = position + 2
        end = start + int.from_bytes(record[position:start], "big")
        if start > len(record) or end > len(record):
            raise MalformedMedia("the H.264 configuration record ends early")
        unit = record[start:end]
        if not unit or unit[0] & 0x1F != kind:
            raise MalformedMedia(f"the H.264 configuration record holds something else where a {kind.name} belongs")
        units.append(unit)
        position = end
    return tuple(units), position


def _chroma(reader: BitReader) -> tuple[int, int, int]:
    """chroma_format_idc and the bit depths; scaling lists are read over."""
    chroma = reader.ue()
    if chroma > 3:
        raise MalformedMedia(f"chroma format {chroma} is not known")
    if chroma == 3:
        reader.skip(1)  # separate_colour_plane_flag
    luma_bits, chroma_bits = 8 + reader.ue(), 8 + reader.ue()
    if luma_bits > 14 or chroma_bits > 14:
        raise MalformedMedia("a sample has 14 bits at most")
    reader.skip(1)  # qpprime_y_zero_transform_bypass_flag
    if reader.flag():  # seq_scaling_matrix_present_flag
        for index in range(12 if chroma == 3 else 8):
            if reader.flag():
                _skip_scaling_list(reader, 16 if index < 6 else 64)
    return chroma, luma_bits, chroma_bits


def _skip_scaling_list(reader: BitReader, size: int) -> None:
    scale = 8
    for _ in range(size):  # section 7.3.2.1.1.1: the list goes on while the next scale is not 0
        scale = (scale + reader.se()) % 256
        if scale == 0:
            return


def _skip_picture_order(reader: BitReader) -> None:
    kind = reader.ue()
    if kind == 0:
        reader.ue()  # log2_max_pic_order_cnt_lsb_minus4
    elif kind == 1:
        reader.skip(1)  # delta_pic_order_always_zero_flag
        reader.se()  # offset_for_non_ref_pic
        reader.se()  # offset_for_top_to_bottom_field
        count = reader.ue()
        if count > 255:
            raise MalformedMedia("the picture order cycle is too long")
        for _ in range(count):
            reader.se()
    elif kind > 2:
        raise MalformedMedia(f"picture order count type {kind} is not known")


def _size(reader: BitReader, chroma: int) -> tuple[int, int]:
    """Width and height in pixels, cropping taken off (section 7.4.2.1.1)."""
    width = (reader.ue() + 1) * 16
    map_height = (reader.ue() + 1) * 16
    frames_only = reader.flag()
    if not frames_only:
        reader.skip(1)  # mb_adaptive_frame_field_flag
    height = map_height * (1 if frames_only else 2)
    reader.skip(1)  # direct_8x8_inference_flag
    if reader.flag():  # frame_cropping_flag
        unit_x = 2 if chroma in (1, 2) else 1
        unit_y = (2 if chroma == 1 else 1) * (1 if frames_only else 2)
        left, right, top, bottom = reader.ue(), reader.ue(), reader.ue(), reader.ue()
        width -= (left + right) * unit_x
        height -= (top + bottom) * unit_y
    if not (0 < width <= _MAX_DIMENSION and 0 < height <= _MAX_DIMENSION):
        raise MalformedMedia(f"a picture of {width} times {height} pixels makes no sense")
    return width, height


def _usability(reader: BitReader) -> tuple[float | None, int | None]:
    """Frame rate and reordering from the video usability information (section E.1.1), as far as it can be read."""
    rate: float | None = None
    try:
        _skip_appearance(reader)
        if reader.flag():  # timing_info_present_flag
            tick, scale = reader.bits(32), reader.bits(32)
            reader.skip(1)  # fixed_frame_rate_flag
            rate = scale / (2 * tick) if tick and scale else None
        nal, vcl = _hypothetical_decoder(reader), _hypothetical_decoder(reader)
        if nal or vcl:
            reader.skip(1)  # low_delay_hrd_flag
        reader.skip(1)  # pic_struct_present_flag
        if not reader.flag():  # bitstream_restriction_flag
            return rate, None
        reader.skip(1)  # motion_vectors_over_pic_boundaries_flag
        for _ in range(4):  # max_bytes_per_pic_denom ... log2_max_mv_length_vertical
            reader.ue()
        return rate, reader.ue()
    except MalformedMedia:
        return rate, None


def _skip_appearance(reader: BitReader) -> None:
    if reader.flag() and reader.bits(8) == _EXTENDED_SAR:  # aspect_ratio_info_present_flag, aspect_ratio_idc
        reader.skip(32)
    if reader.flag():  # overscan_info_present_flag
        reader.skip(1)
    if reader.flag():  # video_signal_type_present_flag
        reader.skip(4)
        if reader.flag():  # colour_description_present_flag
            reader.skip(24)
    if reader.flag():  # chroma_loc_info_present_flag
        reader.ue()
        reader.ue()


def _hypothetical_decoder(reader: BitReader) -> bool:
    """Read over the parameters of a hypothetical reference decoder (section E.1.2); False if there are none."""
    if not reader.flag():
        return False
    count = reader.ue() + 1  # cpb_cnt_minus1
    if count > 32:
        raise MalformedMedia("too many coded picture buffers")
    reader.skip(8)  # bit_rate_scale, cpb_size_scale
    for _ in range(count):
        reader.ue()
        reader.ue()
        reader.skip(1)
    reader.skip(20)  # four lengths of 5 bits each
    return True
