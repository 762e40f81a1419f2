"""AAC: the AudioSpecificConfig (ISO/IEC 14496-3 section 1.6.2.1) and what follows from it.

Bytes that do not follow it raise `MalformedMedia`. Nothing is decoded here. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from adapters.media.bits import BitReader, BitWriter, MalformedMedia

# audioObjectType (table 1.17)
AAC_MAIN = 1
AAC_LC = 2
AAC_SSR = 3
AAC_LTP = 4
SBR = 5
AAC_SCALABLE = 6
PS = 29
ER_AAC_LD = 23
ER_AAC_ELD = 39
ESCAPE = 31

AAC_OBJECT_TYPES = frozenset({AAC_MAIN, AAC_LC, AAC_SSR, AAC_LTP, SBR, AAC_SCALABLE, 17, 19, 20, ER_AAC_LD, PS, ER_AAC_ELD, 42})
"""The object types that are AAC: general audio, its error resilient forms, and extended HE-AAC."""

_GENERAL_AUDIO = frozenset({1, 2, 3, 4, 6, 7, 17, 19, 20, 21, 22, 23})
"""The object types with a GASpecificConfig (section 4.4.1)."""

SAMPLING_RATES = (96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350)
"""By samplingFrequencyIndex (table 1.18)."""

_EXPLICIT_RATE = 15

CHANNELS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6, 7: 8, 11: 7, 12: 8, 13: 24, 14: 8}
"""Channels by channelConfiguration (table 1.19); 0 means that the stream's program config element says it."""

_SYNC_SBR = 0x2B7
_SYNC_PS = 0x548


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """What an AudioSpecificConfig says."""

    object_type: int
    """Of the core coder: `AAC_LC` nearly always, also under SBR."""
    sampling_rate: int
    """Of the core coder, in Hz."""
    channels: int
    """Of the core coder; 0 if only the stream itself says it."""
    sbr: bool = False
    """Spectral band replication (HE-AAC) is signalled: what is heard has the rate `output_rate`."""
    ps: bool = False
    """Parametric stereo (HE-AAC v2) is signalled: what is heard is stereo."""
    output_rate: int = 0
    """What is heard, in Hz."""
    frame_length: int = 1024
    """Samples per channel that one access unit holds, at `sampling_rate`."""

    @property
    def frame_seconds(self) -> float:
        """How long one access unit lasts."""
        return self.frame_length / self.sampling_rate


def parse_config(config: bytes) -> AudioFormat:
    """Read an AudioSpecificConfig."""
    reader = BitReader(config)
    object_type = _object_type(reader)
    rate = output_rate = _sampling_rate(reader)
    channel_configuration = reader.bits(4)
    sbr = ps = False
    if object_type in (SBR, PS):  # explicit, hierarchical signalling (section 1.6.5.2)
        sbr, ps = True, object_type == PS
        output_rate = _sampling_rate(reader)
        object_type = _object_type(reader)
    if channel_configuration and channel_configuration not in CHANNELS:
        raise MalformedMedia(f"channel configuration {channel_configuration} is reserved")
    channels = CHANNELS.get(channel_configuration, 0)
    frame_length = 1024
    if object_type in _GENERAL_AUDIO:
        frame_length, channels = _general_audio(reader, object_type, channel_configuration, channels)
        if not sbr:
            sbr, ps, output_rate = _backward_compatible(reader, rate)
    elif object_type == ER_AAC_ELD:
        frame_length = 480 if reader.flag() else 512
    return AudioFormat(object_type, rate, channels, sbr, ps, output_rate, frame_length)


def make_config(sampling_rate: int, channels: int, object_type: int = AAC_LC) -> bytes:
    """An AudioSpecificConfig of plain AAC with access units of 1024 samples. Raises `ValueError` if there is none such."""
    configuration = next((key for key, value in CHANNELS.items() if value == channels), None)
    if configuration is None or object_type not in AAC_OBJECT_TYPES or object_type not in _GENERAL_AUDIO:
        raise ValueError(f"AAC object type {object_type} with {channels} channels cannot be described")
    writer = BitWriter().bits(5, object_type)
    if sampling_rate in SAMPLING_RATES:
        writer.bits(4, SAMPLING_RATES.index(sampling_rate))
    else:
        writer.bits(4, _EXPLICIT_RATE).bits(24, sampling_rate)
    return writer.bits(4, configuration).bits(3, 0).to_bytes()


def _object_type(reader: BitReader) -> int:
    object_type = reader.bits(5)
    return 32 + reader.bits(6) if object_type == ESCAPE else object_type


def _sampling_rate(reader: BitReader) -> int:
    index = reader.bits(4)
    if index == _EXPLICIT_RATE:
        rate = reader.bits(24)
        if rate == 0:
            raise MalformedMedia("a sampling rate of 0 makes no sense")
        return rate
    if index >= len(SAMPLING_RATES):
        raise MalformedMedia(f"sampling frequency index {index} is reserved")
    return SAMPLING_RATES[index]


def _general_audio(reader: BitReader, object_type: int, configuration: int, channels: int) -> tuple[int, int]:
    """Frame length and channels from the GASpecificConfig (section 4.4.1); one that ends early says nothing."""
    if reader.left < 3:
        return (512 if object_type == ER_AAC_LD else 1024), channels
    short = reader.flag()  # frameLengthFlag
    if reader.flag():  # dependsOnCoreCoder
        reader.skip(14)
    extended = reader.flag()  # extensionFlag
    if configuration == 0:
        channels = _program_channels(reader)
    if object_type in (AAC_SCALABLE, 20):
        reader.skip(3)  # layerNr
    if extended:
        if object_type == 22:
            reader.skip(16)  # numOfSubFrame, layer_length
        if object_type in (17, 19, 20, 23):
            reader.skip(3)  # resilience flags
        reader.skip(1)  # extensionFlag3
    full = 512 if object_type == ER_AAC_LD else 1024
    return full - full // 16 if short else full, channels


def _program_channels(reader: BitReader) -> int:
    """The channels of a program_config_element (section 4.4.1.1, table 4.2); its comment is read over."""
    reader.skip(4 + 2 + 4)  # element_instance_tag, object_type, sampling_frequency_index
    front, side, back = reader.bits(4), reader.bits(4), reader.bits(4)
    low, data, coupling = reader.bits(2), reader.bits(3), reader.bits(4)
    for width in (4, 4, 3):  # mono_mixdown, stereo_mixdown, matrix_mixdown
        if reader.flag():
            reader.skip(width)
    channels = low
    for _ in range(front + side + back):
        channels += 2 if reader.flag() else 1  # is_cpe
        reader.skip(4)
    reader.skip(4 * low + 4 * data + 5 * coupling)
    reader.skip(-reader.position % 8)
    reader.skip(8 * reader.bits(8))
    return channels


def _backward_compatible(reader: BitReader, rate: int) -> tuple[bool, bool, int]:
    """SBR and PS as they are signalled after the configuration proper (section 1.6.2.1, syncExtensionType)."""
    if reader.left < 16 or reader.bits(11) != _SYNC_SBR or _object_type(reader) != SBR:
        return False, False, rate
    if not reader.left or not reader.flag():  # sbrPresentFlag
        return False, False, rate
    output_rate = _sampling_rate(reader)
    ps = reader.left >= 12 and reader.bits(11) == _SYNC_PS and reader.flag()
    return True, ps, output_rate
