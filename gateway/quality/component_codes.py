"""What the codes of WeChat's live-pusher and live-player mean, and what to do about them. Pure.

Sources: the tables of `bindstatechange` and `binderror` on WeChat's pages of both components, and the codes that vendors'
sample programs handle without any table naming them. A code speaks of a network leg only if the network can be at fault:
a phone call, a refused microphone or an encoder never blames one. `docs/component-codes.md` is this table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from gateway.quality.reports import Direction
from gateway.quality.verdict import Leg, Level


class Kind(StrEnum):
    """What sort of thing a code tells."""

    FAULT = "fault"
    """Something does not work."""
    WARNING = "warning"
    """Something works worse than it should, or in another way."""
    LIFE = "life"
    """Normal life: what happens in every call."""
    PAUSE = "pause"
    """Something outside the call holds it up for a while."""


class Advice(StrEnum):
    """What the mini-program should do."""

    NONE = "none"
    WAIT = "wait"
    """The component goes on by itself."""
    RESTART = "restart"
    """It has given up: stop and start it again."""
    FRESH_URL = "fresh_url"
    """Give it a new address."""
    ASK_USER = "ask_user"
    """Only the person can help: a permission, a device that another app holds."""


@dataclass(frozen=True, slots=True)
class ComponentCode:
    """One code of one component."""

    number: int
    direction: Direction
    """push: live-pusher, pull: live-player."""
    name: str
    leg: Leg | None
    """The network leg it speaks of; `None`: the device, the program or life."""
    kind: Kind
    level: Level
    """What it says of its leg while it is fresh; good where there is no leg."""
    advice: Advice
    en: str
    zh: str


def _network(number: int, direction: Direction, name: str, level: Level, advice: Advice, en: str, zh: str) -> ComponentCode:
    """The leg of the client that reports. What breaks the connection is a fault, what only slows it a warning."""
    leg = Leg.UPLINK if direction == "push" else Leg.DOWNLINK
    return ComponentCode(
        number, direction, name, leg, Kind.FAULT if level is Level.BAD else Kind.WARNING, level, advice, en, zh
    )


def _local(number: int, direction: Direction, name: str, kind: Kind, advice: Advice, en: str, zh: str) -> ComponentCode:
    """The device, the program, the person."""
    return ComponentCode(number, direction, name, None, kind, Level.GOOD, advice, en, zh)


def _life(number: int, direction: Direction, name: str, en: str, zh: str) -> ComponentCode:
    return _local(number, direction, name, Kind.LIFE, Advice.NONE, en, zh)


def _unknown(number: int, direction: Direction) -> ComponentCode:
    """Sample programs of vendors look for it; what it means is written nowhere."""
    return _life(
        number, direction, f"UNKNOWN_{number}",
        "meaning unknown: sample programs handle it, no table explains it", "含义未知：厂商示例代码会处理该码，但文档没有说明",
    )  # fmt: skip


_FAIR, _BAD = Level.FAIR, Level.BAD
_FAULT, _WARNING, _PAUSE = Kind.FAULT, Kind.WARNING, Kind.PAUSE
_NONE, _WAIT, _RESTART, _FRESH_URL, _ASK_USER = Advice.NONE, Advice.WAIT, Advice.RESTART, Advice.FRESH_URL, Advice.ASK_USER

_PUSHER = (
    _life(0, "push", "NOTHING", "nothing in particular", "无特别事件"),
    _life(1001, "push", "CONNECTED", "connected to the server", "已连接推流服务器"),
    _life(1002, "push", "PUBLISHING", "the server agreed, publishing begins", "与服务器握手完成，开始推流"),
    _life(1003, "push", "CAMERA_OPENED", "the camera is on", "摄像头已打开"),
    _life(1004, "push", "SCREEN_STARTED", "recording of the screen began", "开始录制屏幕"),
    _life(1005, "push", "SIZE_CHANGED", "the picture's size was adapted", "推流分辨率已动态调整"),
    _life(1006, "push", "BITRATE_CHANGED", "the bitrate was adapted", "推流码率已动态调整"),
    _life(1007, "push", "FIRST_PICTURE", "the camera gave its first picture", "采集到第一帧画面"),
    _life(1008, "push", "ENCODER_STARTED", "the encoder is running", "编码器已启动"),
    _life(1018, "push", "ROOM_ENTERED", "entered a room (Tencent's room protocol only)", "已进入房间（仅腾讯 ROOM 协议）"),
    _life(1019, "push", "ROOM_LEFT", "left a room (Tencent's room protocol only)", "已退出房间（仅腾讯 ROOM 协议）"),
    _life(1020, "push", "ROOM_ANCHORS", "hosts changed (Tencent's room protocol only)", "其他主播列表有变化（仅腾讯 ROOM 协议）"),
    _local(
        1021, "push", "ROOM_NETWORK_CHANGED", _WARNING, _RESTART,
        "the phone moved to another network: enter the room again (Tencent's room protocol only)",
        "手机切换了网络，需要重新进入房间（仅腾讯 ROOM 协议）",
    ),
    _local(
        1022, "push", "ROOM_FAILED", _FAULT, _RESTART,
        "the room could not be entered (Tencent's room protocol only)", "进入房间失败（仅腾讯 ROOM 协议）",
    ),
    _life(1031, "push", "ROOM_ANCHOR_CAME", "a host came (Tencent's room protocol only)", "有主播进入房间（仅腾讯 ROOM 协议）"),
    _life(1032, "push", "ROOM_ANCHOR_LEFT", "a host left (Tencent's room protocol only)", "有主播离开房间（仅腾讯 ROOM 协议）"),
    _life(
        1033, "push", "ROOM_ANCHOR_VIDEO", "a host's camera went on or off (Tencent's room protocol only)",
        "有主播开关了视频（仅腾讯 ROOM 协议）",
    ),
    _life(
        1034, "push", "ROOM_ANCHOR_AUDIO", "a host's microphone went on or off (Tencent's room protocol only)",
        "有主播开关了音频（仅腾讯 ROOM 协议）",
    ),
    _network(
        1101, "push", "UPLINK_POOR", _FAIR, _WAIT,
        "the network takes less than the phone wants to send", "上行网络较差，数据发送不及时",
    ),
    _network(
        1102, "push", "RECONNECTING", _BAD, _WAIT,
        "the connection to the server was lost, live-pusher tries again by itself",
        "与服务器的连接已断开，live-pusher 正在自动重连",
    ),
    _local(
        1103, "push", "HARDWARE_ENCODER_FAILED", _WARNING, _NONE,
        "the hardware encoder did not start, the phone encodes in software", "硬件编码器启动失败，已改用软件编码",
    ),
    _local(
        1104, "push", "VIDEO_ENCODING_FAILED", _WARNING, _WAIT,
        "a picture could not be encoded, the encoder starts again", "视频编码失败，编码器正在重新启动",
    ),
    _local(
        1105, "push", "BEAUTY_FALLBACK", _WARNING, _NONE,
        "the beauty filter fell back to a simpler way (older phones' libraries)", "美颜已降级处理（旧版基础库）",
    ),
    _local(
        1106, "push", "ENCODER_FALLBACK", _WARNING, _NONE,
        "the encoder fell back to a simpler way (older phones' libraries)", "编码器已降级处理（旧版基础库）",
    ),
    _network(3001, "push", "DNS_FAILED", _BAD, _WAIT, "the server's name could not be looked up", "无法解析推流服务器域名"),
    _network(3002, "push", "CONNECT_FAILED", _BAD, _WAIT, "the server could not be reached", "无法连接推流服务器"),
    _network(3003, "push", "HANDSHAKE_FAILED", _BAD, _WAIT, "the server did not answer the handshake", "与推流服务器握手失败"),
    _local(
        3004, "push", "CLOSED_BY_SERVER", _FAULT, _FRESH_URL,
        "the server closed the connection: the address has expired or is wrong", "服务器主动断开连接：推流地址已过期或不正确",
    ),
    _network(3005, "push", "SOCKET_FAILED", _BAD, _WAIT, "sending to the server failed", "与推流服务器收发数据失败"),
    _life(4998, "push", "MICROPHONE_SWITCHED", "the microphone was enabled or disabled (iOS)", "麦克风开关状态有变化（仅 iOS）"),
    _life(4999, "push", "MUTE_SWITCHED", "the sound was muted or unmuted (iOS)", "静音状态有变化（仅 iOS）"),
    _local(
        5000, "push", "SUSPENDED", _PAUSE, _WAIT,
        "WeChat went to the background, the mini-program is suspended", "微信切到后台，小程序被挂起",
    ),
    _local(5001, "push", "PHONE_CALL", _PAUSE, _WAIT, "a phone or WeChat call interrupts", "被来电或微信语音、视频通话打断"),
    _local(
        10001, "push", "CAMERA_REFUSED", _FAULT, _ASK_USER,
        "the user did not permit the camera: lead them to the settings", "用户未授权使用摄像头，请引导用户到设置页开启",
    ),
    _local(
        10002, "push", "MICROPHONE_REFUSED", _FAULT, _ASK_USER,
        "the user did not permit the microphone: lead them to the settings", "用户未授权使用麦克风，请引导用户到设置页开启",
    ),
    _local(
        10003, "push", "MUSIC_NOT_LOADED", _WARNING, _NONE,
        "the background music could not be loaded: check its address", "背景音乐加载失败，请检查地址",
    ),
    _local(
        10004, "push", "WAITING_IMAGE_NOT_LOADED", _WARNING, _NONE,
        "the waiting image could not be loaded: check `waiting-image`", "等待图片加载失败，请检查 waiting-image",
    ),
    _local(
        -1301, "push", "CAMERA_FAILED", _FAULT, _ASK_USER,
        "the camera does not open: it is not permitted, or another app uses it", "摄像头打开失败：没有权限，或被其他应用占用",
    ),
    _local(
        -1302, "push", "MICROPHONE_FAILED", _FAULT, _ASK_USER,
        "the microphone does not open: it is not permitted, or another app uses it", "麦克风打开失败：没有权限，或被其他应用占用",
    ),
    _local(-1303, "push", "VIDEO_ENCODER_FAILED", _FAULT, _RESTART, "the phone cannot encode video any more", "视频编码失败"),
    _local(-1304, "push", "AUDIO_ENCODER_FAILED", _FAULT, _RESTART, "the phone cannot encode sound any more", "音频编码失败"),
    _local(
        -1305, "push", "SIZE_UNSUPPORTED", _FAULT, _NONE,
        "the phone cannot send this size: choose another `mode`", "不支持该视频分辨率，请更换 mode",
    ),
    _local(
        -1306, "push", "SAMPLE_RATE_UNSUPPORTED", _FAULT, _NONE,
        "the phone cannot send this sample rate: choose another `audio-quality`", "不支持该音频采样率，请更换 audio-quality",
    ),
    _network(
        -1307, "push", "DISCONNECTED", _BAD, _RESTART,
        "the network was away for too long and live-pusher has given up: start publishing again",
        "网络断开且多次重连失败，live-pusher 已停止重试，需要重新推流",
    ),
    _local(
        -1308, "push", "SCREEN_REFUSED", _FAULT, _ASK_USER,
        "the user did not permit recording the screen", "用户未授权录制屏幕",
    ),
    _local(
        -1309, "push", "SCREEN_UNSUPPORTED", _FAULT, _NONE,
        "recording the screen needs Android 5 or later", "录屏需要 Android 5 及以上系统",
    ),
    _local(
        -1310, "push", "SCREEN_INTERRUPTED", _FAULT, _ASK_USER,
        "another app took over the recording of the screen", "录屏被其他应用打断",
    ),
    _local(
        -1311, "push", "MICROPHONE_SILENT", _FAULT, _ASK_USER,
        "the microphone is open but gives nothing: another app may use it (Android)",
        "麦克风已打开但没有数据，可能被其他应用占用（Android）",
    ),
    _local(
        -1312, "push", "SCREEN_TURN_FAILED", _FAULT, _RESTART,
        "the recorded screen could not be turned", "录屏时横竖屏切换失败",
    ),
    _local(
        -3301, "push", "ROOM_REFUSED", _FAULT, _RESTART,
        "the room could not be entered (Tencent's TRTC only)", "进入房间失败（仅腾讯 TRTC）",
    ),
    *(_unknown(number, "push") for number in (2026, 2027, 2029, 6000, 10005, 10012, 10014)),
)  # fmt: skip

_PLAYER = (
    _life(2001, "pull", "CONNECTED", "connected to the server", "已连接拉流服务器"),
    _life(2002, "pull", "PULLING", "the server agreed, pulling begins", "与服务器握手完成，开始拉流"),
    _life(2003, "pull", "FIRST_VIDEO", "the first keyframe has come", "收到首个视频关键帧"),
    _life(2004, "pull", "PLAYING", "playing begins", "开始播放"),
    _life(2005, "pull", "PROGRESS", "playing goes on", "播放进度"),
    _life(2006, "pull", "ENDED", "playing has ended", "播放结束"),
    _life(2007, "pull", "LOADING", "the player fills its buffer", "正在缓冲"),
    _life(2008, "pull", "DECODER_STARTED", "the decoder is running", "解码器已启动"),
    _life(2009, "pull", "SIZE_CHANGED", "the picture's size changed", "视频分辨率有变化"),
    _life(2030, "pull", "OUTPUT_CHANGED", "the sound comes from another device", "音频输出设备有变化"),
    _life(2032, "pull", "FIRST_PICTURE", "the first picture is on the screen", "首帧画面已渲染"),
    _local(2101, "pull", "VIDEO_DECODING_FAILED", _WARNING, _NONE, "a picture could not be decoded", "当前视频帧解码失败"),
    _local(2102, "pull", "AUDIO_DECODING_FAILED", _WARNING, _NONE, "a piece of sound could not be decoded", "当前音频帧解码失败"),
    _network(
        2103, "pull", "RECONNECTING", _BAD, _WAIT,
        "the connection to the server was lost, live-player tries again by itself",
        "与服务器的连接已断开，live-player 正在自动重连",
    ),
    _network(
        2104, "pull", "UNSTEADY", _FAIR, _WAIT,
        "media arrive unsteadily: the downlink is weak, or they are sent so", "数据到达不稳定：下行网络较差，或发送端不均匀",
    ),
    _network(2105, "pull", "STUTTER", _FAIR, _WAIT, "playing stutters", "播放出现卡顿"),
    _local(
        2106, "pull", "HARDWARE_DECODER_FAILED", _WARNING, _NONE,
        "the hardware decoder did not start, the phone decodes in software", "硬件解码启动失败，已改用软件解码",
    ),
    _network(
        2107, "pull", "GAP", _FAIR, _WAIT,
        "pictures are missing in between, something may have been lost", "视频帧不连续，可能有丢失",
    ),
    _local(
        2108, "pull", "HARDWARE_FIRST_PICTURE_FAILED", _WARNING, _NONE,
        "the hardware decoder could not decode the first keyframe, software takes over", "首个关键帧硬件解码失败，改用软件解码",
    ),
    _network(3001, "pull", "DNS_FAILED", _BAD, _WAIT, "the server's name could not be looked up", "无法解析拉流服务器域名"),
    _network(3002, "pull", "CONNECT_FAILED", _BAD, _WAIT, "the server could not be reached", "无法连接拉流服务器"),
    _network(3003, "pull", "HANDSHAKE_FAILED", _BAD, _WAIT, "the server did not answer the handshake", "与拉流服务器握手失败"),
    _network(3005, "pull", "SOCKET_FAILED", _BAD, _WAIT, "receiving from the server failed", "与拉流服务器收发数据失败"),
    _network(
        -2301, "pull", "DISCONNECTED", _BAD, _RESTART,
        "the network was away for too long and live-player has given up: start playing again",
        "网络断开且多次重连失败，live-player 已停止重试，需要重新播放",
    ),
    _local(
        -2302, "pull", "ACCELERATED_URL_FAILED", _FAULT, _FRESH_URL,
        "the accelerated address could not be had: play an ordinary one", "获取加速拉流地址失败，请使用普通拉流地址",
    ),
    _local(
        5000, "pull", "SUSPENDED", _PAUSE, _WAIT,
        "WeChat went to the background, the mini-program is suspended", "微信切到后台，小程序被挂起",
    ),
    *(_unknown(number, "pull") for number in (2026, 2027, 2029, 6000)),
)  # fmt: skip

CODES: Mapping[tuple[Direction, int], ComponentCode] = {(one.direction, one.number): one for one in (*_PUSHER, *_PLAYER)}
"""Every code that is known, by direction and number."""

OTHER = "other"
"""What a code that the table has not is called in metrics."""

_LABELS = {key: str(code.number) for key, code in CODES.items()}


def lookup(direction: Direction, code: int) -> ComponentCode | None:
    """What a code means. `None`: the table has it not."""
    return CODES.get((direction, code))


def label(direction: Direction, code: int) -> str:
    """The code as the label of a metric: of a bounded set, whatever clients send."""
    return _LABELS.get((direction, code), OTHER)
