"""Every error that an outside program can meet: a stable number, a name, an HTTP status, an advice, a sentence.

The numbers are the vendors' public ones where one exists (ZEGO's native table) and 18xxxxx where none does; JSON-RPC's
own for malformed requests. A number is never given a second meaning and never goes away. `docs/errors.md` is this table.

Only the catalogue and the one exception that carries an entry of it live here: an error says what happened, each
protocol's edge says how it is told.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Retry(StrEnum):
    """What the one who meets an error should do next."""

    NEVER = "never"
    """The same attempt will fail again; something has to change first."""
    NOW = "now"
    """Try again at once."""
    AFTER = "after"
    """Try again after a pause (`afterMs` where the error says how long)."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One entry of the catalogue."""

    number: int
    name: str
    status: int
    """HTTP status where the error is told over HTTP."""
    retry: Retry
    en: str
    zh: str

    def sentence(self, detail: str = "") -> str:
        """What people are told: the English sentence, and after a colon what is particular to this case."""
        return f"{self.en}: {detail}" if detail else self.en


class GatewayError(Exception):
    """A refusal or a failure that the other side is told about.

    `detail` is added to the sentence for the other side and must not hold a secret.
    """

    def __init__(self, fault: Fault, detail: str = "", *, after_ms: int | None = None) -> None:
        super().__init__(fault, detail)
        self.fault = fault
        self.detail = detail
        self.after_ms = after_ms

    def __str__(self) -> str:
        return f"{self.fault.number} {self.fault.name}: {self.fault.sentence(self.detail)}"


_NEVER, _NOW, _AFTER = Retry.NEVER, Retry.NOW, Retry.AFTER

# JSON-RPC 2.0 section 5.1
PARSE_ERROR = Fault(-32700, "PARSE_ERROR", 400, _NEVER, "the message is not JSON", "消息不是合法的 JSON")
INVALID_REQUEST = Fault(-32600, "INVALID_REQUEST", 400, _NEVER, "not a valid request", "请求格式不正确")
METHOD_NOT_FOUND = Fault(-32601, "METHOD_NOT_FOUND", 404, _NEVER, "there is no such method", "方法不存在")
INVALID_PARAMS = Fault(-32602, "INVALID_PARAMS", 400, _NEVER, "the parameters do not fit the method", "参数不正确")
INTERNAL_ERROR = Fault(-32603, "INTERNAL_ERROR", 500, _AFTER, "the gateway made a mistake", "网关内部错误")

# General
NOT_LOGGED_IN = Fault(1000002, "NOT_LOGGED_IN", 401, _NEVER, "log in first", "尚未登录房间")
STREAM_ID_TOO_LONG = Fault(1000014, "STREAM_ID_TOO_LONG", 400, _NEVER, "the streamID is too long", "流 ID 过长")
STREAM_ID_EMPTY = Fault(1000015, "STREAM_ID_EMPTY", 400, _NEVER, "the streamID is empty", "流 ID 为空")
STREAM_ID_ILLEGAL = Fault(1000016, "STREAM_ID_ILLEGAL", 400, _NEVER, "the streamID has an illegal character", "流 ID 含有非法字符")
APP_UNKNOWN = Fault(1001004, "APP_UNKNOWN", 404, _NEVER, "there is no such appID", "appID 不存在")
APP_SIGN_INVALID = Fault(1001005, "APP_SIGN_INVALID", 401, _NEVER, "the appSign was rejected", "appSign 校验失败")

# Rooms and sessions
TOO_MANY_ROOMS = Fault(1002001, "TOO_MANY_ROOMS", 429, _AFTER, "the app has too many rooms", "应用的房间数已达上限")
USER_ID_EMPTY = Fault(1002005, "USER_ID_EMPTY", 400, _NEVER, "the userID is empty", "用户 ID 为空")
USER_ID_ILLEGAL = Fault(1002006, "USER_ID_ILLEGAL", 400, _NEVER, "the userID has an illegal character", "用户 ID 含有非法字符")
USER_ID_TOO_LONG = Fault(1002007, "USER_ID_TOO_LONG", 400, _NEVER, "the userID is too long", "用户 ID 过长")
USER_NAME_ILLEGAL = Fault(1002009, "USER_NAME_ILLEGAL", 400, _NEVER, "the userName has an illegal character", "用户名含有非法字符")
USER_NAME_TOO_LONG = Fault(1002010, "USER_NAME_TOO_LONG", 400, _NEVER, "the userName is too long", "用户名过长")
ROOM_ID_EMPTY = Fault(1002011, "ROOM_ID_EMPTY", 400, _NEVER, "the roomID is empty", "房间 ID 为空")
ROOM_ID_ILLEGAL = Fault(1002012, "ROOM_ID_ILLEGAL", 400, _NEVER, "the roomID has an illegal character", "房间 ID 含有非法字符")
ROOM_ID_TOO_LONG = Fault(1002013, "ROOM_ID_TOO_LONG", 400, _NEVER, "the roomID is too long", "房间 ID 过长")
EXTRA_INFO_KEY_EMPTY = Fault(1002014, "EXTRA_INFO_KEY_EMPTY", 400, _NEVER, "the room's extra info needs a key", "房间附加信息的 key 为空")
EXTRA_INFO_KEY_TOO_LONG = Fault(1002015, "EXTRA_INFO_KEY_TOO_LONG", 400, _NEVER, "the key is too long", "房间附加信息的 key 过长")
EXTRA_INFO_VALUE_TOO_LONG = Fault(
    1002016, "EXTRA_INFO_VALUE_TOO_LONG", 400, _NEVER, "the value is too long", "房间附加信息的 value 过长"
)
EXTRA_INFO_TOO_MANY_KEYS = Fault(
    1002017, "EXTRA_INFO_TOO_MANY_KEYS", 400, _NEVER, "the room's extra info has too many keys", "房间附加信息的 key 数量超出上限"
)
LOGIN_TIMEOUT = Fault(1002031, "LOGIN_TIMEOUT", 408, _NOW, "no login within the time allowed", "登录超时")
TOKEN_INVALID = Fault(1002033, "TOKEN_INVALID", 401, _NEVER, "the token was rejected", "token 校验失败")
ROOM_FULL = Fault(1002034, "ROOM_FULL", 403, _AFTER, "the room is full", "房间人数已满")
KICKED_BY_SAME_USER = Fault(
    1002050, "KICKED_BY_SAME_USER", 409, _NEVER, "the same userID logged in elsewhere", "相同用户 ID 在别处登录"
)
HEARTBEAT_TIMEOUT = Fault(1002052, "HEARTBEAT_TIMEOUT", 408, _NOW, "nothing was heard for too long", "心跳超时，连接断开")
KICKED = Fault(1002055, "KICKED", 403, _NEVER, "removed by the server", "被服务端移出房间")
KICKED_TOKEN_EXPIRED = Fault(1002056, "KICKED_TOKEN_EXPIRED", 401, _NEVER, "removed because the token expired", "token 过期，被移出房间")
TOKEN_MISSING = Fault(1002067, "TOKEN_MISSING", 401, _NEVER, "a token is needed", "缺少 token")
RATE_LIMITED = Fault(1002071, "RATE_LIMITED", 429, _AFTER, "too many requests", "请求过于频繁")
TOKEN_INTERNAL = Fault(1002074, "TOKEN_INTERNAL", 500, _AFTER, "the token could not be checked", "token 校验时发生内部错误")
TOKEN_FORMAT = Fault(1002075, "TOKEN_FORMAT", 401, _NEVER, "the token is not well formed", "token 格式错误")
TOKEN_APP_MISMATCH = Fault(1002076, "TOKEN_APP_MISMATCH", 401, _NEVER, "the token is for another appID", "token 与 appID 不匹配")
TOKEN_USER_MISMATCH = Fault(1002077, "TOKEN_USER_MISMATCH", 401, _NEVER, "the token is for another userID", "token 与用户 ID 不匹配")
TOKEN_EXPIRED = Fault(1002078, "TOKEN_EXPIRED", 401, _NEVER, "the token has expired", "token 已过期")
TOKEN_VERSION = Fault(1002079, "TOKEN_VERSION", 401, _NEVER, "the token is of another version", "token 版本错误")
TOKEN_NONCE = Fault(1002080, "TOKEN_NONCE", 401, _NEVER, "the token's nonce is not a number", "token 的 nonce 类型错误")
TOKEN_WITHOUT_PUBLISH = Fault(
    1002082, "TOKEN_WITHOUT_PUBLISH", 403, _NEVER, "the renewed token does not permit to publish", "更新后的 token 没有推流权限"
)

# Publishing
ALREADY_PUBLISHING = Fault(1003023, "ALREADY_PUBLISHING", 409, _AFTER, "another connection publishes with this key", "该推流地址正在推流")
PUBLISH_FORBIDDEN = Fault(1003025, "PUBLISH_FORBIDDEN", 403, _NEVER, "publishing is not permitted", "没有推流权限")
STREAM_ID_TAKEN = Fault(1003028, "STREAM_ID_TAKEN", 409, _AFTER, "another user publishes this streamID", "流 ID 已被占用")
PUBLISH_INTERRUPTED = Fault(1003020, "PUBLISH_INTERRUPTED", 503, _NOW, "the publisher's connection was lost", "推流中断，正在重试")
PUBLISH_LOST = Fault(1003021, "PUBLISH_LOST", 504, _NOW, "the publisher did not come back in time", "推流重试超时")
MEDIA_SERVER_CLOSED = Fault(1003029, "MEDIA_SERVER_CLOSED", 503, _AFTER, "the media server closed the connection", "媒体服务关闭了连接")
STREAM_EXTRA_INFO_EMPTY = Fault(1003050, "STREAM_EXTRA_INFO_EMPTY", 400, _NEVER, "the extra info is missing", "流附加信息为空")
STREAM_EXTRA_INFO_TOO_LONG = Fault(1003051, "STREAM_EXTRA_INFO_TOO_LONG", 400, _NEVER, "the extra info is too long", "流附加信息过长")

# Playing
STREAM_NOT_FOUND = Fault(1004002, "STREAM_NOT_FOUND", 404, _AFTER, "there is no such stream", "流不存在")
TOO_MANY_PLAYS = Fault(1004010, "TOO_MANY_PLAYS", 429, _NEVER, "too many streams are played at once", "同时拉流数超出上限")
PLAY_INTERRUPTED = Fault(1004020, "PLAY_INTERRUPTED", 503, _NOW, "playing was interrupted", "拉流中断")
PLAY_FORBIDDEN = Fault(1004025, "PLAY_FORBIDDEN", 403, _NEVER, "playing is not permitted", "没有拉流权限")

# Messages
MESSAGE_EMPTY = Fault(1009001, "MESSAGE_EMPTY", 400, _NEVER, "the message is empty", "消息内容为空")
MESSAGE_TOO_LONG = Fault(1009002, "MESSAGE_TOO_LONG", 400, _NEVER, "the message is too long", "消息内容过长")
MESSAGE_RATE = Fault(1009015, "MESSAGE_RATE", 429, _AFTER, "messages come too fast", "消息发送过于频繁")

# The gateway's own: keys (180 1xxx), media (180 2xxx), service (180 3xxx)
KEY_MISSING = Fault(1801001, "KEY_MISSING", 401, _NEVER, "the address carries no key", "地址中缺少密钥")
KEY_BROKEN = Fault(1801002, "KEY_BROKEN", 401, _NEVER, "the key is not well formed", "密钥格式错误")
KEY_FOREIGN = Fault(1801003, "KEY_FOREIGN", 401, _NEVER, "the key was not signed by this gateway", "密钥不是由本网关签发")
KEY_WRONG_STREAM = Fault(1801004, "KEY_WRONG_STREAM", 403, _NEVER, "the key is for another stream", "密钥与流不匹配")
KEY_WRONG_ACTION = Fault(1801005, "KEY_WRONG_ACTION", 403, _NEVER, "the key is for the other direction", "推流与拉流密钥不能混用")
KEY_EXPIRED = Fault(1801006, "KEY_EXPIRED", 401, _NEVER, "the key was not used before it expired", "密钥在首次使用前已过期")
KEY_REVOKED = Fault(1801007, "KEY_REVOKED", 403, _NEVER, "the key has been revoked", "密钥已被撤销")
PERMISSION_KEY_INVALID = Fault(1801010, "PERMISSION_KEY_INVALID", 401, _NEVER, "the permission key was rejected", "权限密钥校验失败")
PERMISSION_KEY_EXPIRED = Fault(1801011, "PERMISSION_KEY_EXPIRED", 401, _NEVER, "the permission key has expired", "权限密钥已过期")
TOKEN_IN_DEBUG = Fault(1801012, "TOKEN_IN_DEBUG", 400, _NEVER, "an app in debug mode takes no token", "调试模式下不能设置 token")
CODEC_UNSUPPORTED = Fault(1802001, "CODEC_UNSUPPORTED", 415, _NEVER, "only H.264 and VP8 video, AAC and Opus audio are carried", "仅支持 H.264、VP8 视频与 AAC、Opus 音频")
MEDIA_MALFORMED = Fault(1802002, "MEDIA_MALFORMED", 400, _NOW, "the media could not be read", "媒体数据格式错误")
VIEWER_TOO_SLOW = Fault(1802003, "VIEWER_TOO_SLOW", 503, _NOW, "the viewer did not keep up", "播放端接收过慢")
TRANSPORT_UNSUPPORTED = Fault(1802004, "TRANSPORT_UNSUPPORTED", 400, _NEVER, "this transport is not served here", "不支持的传输方式")
SDP_INVALID = Fault(1802005, "SDP_INVALID", 400, _NEVER, "the session description cannot be used", "会话描述（SDP）无法使用")
TOO_MANY_PUBLISHES = Fault(1802006, "TOO_MANY_PUBLISHES", 429, _NEVER, "too many streams are published at once", "同时推流数超出上限")
TRANSCODES_EXHAUSTED = Fault(1802007, "TRANSCODES_EXHAUSTED", 503, _AFTER, "too many streams are being re-encoded", "转码路数已达上限")
CONNECT_FAILED = Fault(1802008, "CONNECT_FAILED", 504, _NOW, "the peer connection could not be made or was lost", "媒体连接未能建立或已中断")
PEER_NOT_FOUND = Fault(1802009, "PEER_NOT_FOUND", 404, _NEVER, "there is no such peer connection", "媒体连接不存在")
SHUTTING_DOWN = Fault(1803001, "SHUTTING_DOWN", 503, _AFTER, "the gateway is shutting down", "网关正在关闭")
OVERLOADED = Fault(1803002, "OVERLOADED", 503, _AFTER, "the gateway is at its limit", "网关负载已达上限")
ORIGIN_REFUSED = Fault(1803003, "ORIGIN_REFUSED", 403, _NEVER, "development mode serves loopback only", "开发模式仅允许本机访问")
ROOM_NOT_FOUND = Fault(1803010, "ROOM_NOT_FOUND", 404, _NEVER, "there is no such room", "房间不存在")
API_KEY_INVALID = Fault(1803012, "API_KEY_INVALID", 401, _NEVER, "the API key was rejected", "API 密钥校验失败")
STORE_UNAVAILABLE = Fault(1803013, "STORE_UNAVAILABLE", 503, _AFTER, "the store does not answer", "存储服务暂无响应")

FAULTS: tuple[Fault, ...] = tuple(value for value in dict(globals()).values() if isinstance(value, Fault))
"""The whole catalogue, in the order in which it is written here."""
