"""What the check-up of a published stream may find: numbers, names, sentences, and what to change. Pure.

A number never changes its meaning and never goes away. `docs/checkup.md` is made from this table. What measures make a
trouble stands in `checkup.py`.
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


B_FRAMES = Trouble(
    1804101, "B_FRAMES",
    "the pictures are not sent in the order in which they are shown (B-frames): browsers need them left out or encoded again, "
    "and everyone waits longer",
    "视频含有 B 帧：浏览器端需要丢帧或重新编码，所有人的延迟都会增加",
    "Switch B-frames off: OBS: Max B-frames 0 or tune `zerolatency`; ffmpeg: `-bf 0 -tune zerolatency`; hardware encoders: "
    "baseline profile.",
    "关闭 B 帧：OBS 将 B 帧数设为 0 或选择 tune `zerolatency`；ffmpeg 使用 `-bf 0 -tune zerolatency`；硬件编码器使用 "
    "baseline profile。",
)  # fmt: skip
GOP_TOO_LONG = Trouble(
    1804102, "GOP_TOO_LONG",
    "keyframes are far apart: who joins waits, and who lost something stays without a picture until the next one",
    "关键帧间隔过长：新加入的观众需要等待，丢包后要到下一个关键帧才能恢复画面",
    "Send a keyframe every 1 to 3 s: OBS: Keyframe interval 2 s (not 0, auto); ffmpeg: `-g` twice the frame rate, with "
    "`-sc_threshold 0`; live-pusher does so by itself.",
    "每 1～3 秒发送一个关键帧：OBS 关键帧间隔设为 2 秒（不要用 0，自动）；ffmpeg 的 `-g` 设为帧率的 2 倍，并加 "
    "`-sc_threshold 0`；"
    "live-pusher 默认即可。",
)  # fmt: skip
GOP_TOO_SHORT = Trouble(
    1804103, "GOP_TOO_SHORT",
    "keyframes come so often that they take the bits that the picture would need",
    "关键帧过于频繁，占用了本应用于画质的码率",
    "Send a keyframe every 1 to 3 s: OBS: Keyframe interval 2 s; ffmpeg: `-g` twice the frame rate.",
    "每 1～3 秒发送一个关键帧：OBS 关键帧间隔设为 2 秒；ffmpeg 的 `-g` 设为帧率的 2 倍。",
)  # fmt: skip
PROFILE_UNUSUAL = Trouble(
    1804104, "PROFILE_UNUSUAL",
    "the H.264 profile, the colour format or the bit depth is one that phones and browsers cannot decode",
    "手机和浏览器无法解码该 H.264 profile、色彩格式或位深",
    "Encode baseline, main or high with 8 bit 4:2:0: OBS: profile `main`, colour format NV12; ffmpeg: `-profile:v "
    "main -pix_fmt "
    "yuv420p`.",
    "使用 baseline、main 或 high，8 位 4:2:0：OBS 选择 profile `main`、色彩格式 NV12；ffmpeg 使用 `-profile:v main "
    "-pix_fmt yuv420p`。",
)  # fmt: skip
LEVEL_TOO_HIGH = Trouble(
    1804105, "LEVEL_TOO_HIGH",
    "the H.264 level is higher than what many phones decode",
    "H.264 level 过高，许多手机无法解码",
    "Stay at level 3.1 to 4.1: no more than 1920x1080 with 30 pictures per second; ffmpeg: `-level 3.1`.",
    "level 保持在 3.1～4.1，不超过 1920x1080、每秒 30 帧；ffmpeg 使用 `-level 3.1`。",
)  # fmt: skip
PICTURE_TOO_LARGE = Trouble(
    1804106, "PICTURE_TOO_LARGE",
    "the picture is larger than 1920x1080: phones get hot, and calls do not show it anyway",
    "画面超过 1920x1080：手机解码负担过重，通话中也无法显示这样的清晰度",
    "Send 360x640 to 720x1280 for calls: live-pusher: `mode` SD or HD; OBS: Output (Scaled) Resolution; ffmpeg: `-vf scale`.",
    "通话建议使用 360x640 至 720x1280：live-pusher 的 `mode` 使用 SD 或 HD；OBS 调整输出（缩放）分辨率；ffmpeg 使用 "
    "`-vf scale`。",
)  # fmt: skip
FPS_LOW = Trouble(
    1804107, "FPS_LOW",
    "there are fewer pictures per second than declared, or too few for movement",
    "实际帧率明显低于声明值，或低到画面不连贯",
    "The device or its uplink is overloaded: a smaller picture, a lower bitrate (live-pusher: `min-bitrate`, "
    "`max-bitrate`, `mode` "
    "SD), a faster preset, a camera with more light.",
    "设备或上行网络负载过高：减小分辨率、降低码率（live-pusher 的 `min-bitrate`、`max-bitrate`，`mode` 使用 SD），"
    "使用更快的编码预设，"
    "或改善光线。",
)  # fmt: skip
FPS_DECLARED_WRONG = Trouble(
    1804108, "FPS_DECLARED_WRONG",
    "the declared frame rate is not the real one: players that believe it play unevenly",
    "声明的帧率与实际不符，依赖该值的播放器会播放不均匀",
    "Set the frame rate of the encoder and of `onMetaData` alike: ffmpeg: `-r 15` before the output.",
    "让编码器与 `onMetaData` 的帧率一致：ffmpeg 在输出前加 `-r 15`。",
)  # fmt: skip
BITRATE_HIGH = Trouble(
    1804109, "BITRATE_HIGH",
    "the video takes more than 4 Mbit/s: mobile networks of viewers will not keep up",
    "视频码率超过 4 Mbit/s，观众的移动网络难以承受",
    "Send 0.4 to 1.5 Mbit/s for calls: live-pusher: `max-bitrate`; OBS: Bitrate, with CBR; ffmpeg: `-b:v 1M -maxrate "
    "1M -bufsize 2M`.",
    "通话建议 0.4～1.5 Mbit/s：live-pusher 设置 `max-bitrate`；OBS 使用 CBR 并设置码率；ffmpeg 使用 `-b:v 1M -maxrate "
    "1M -bufsize 2M`。",
)  # fmt: skip
AAC_NOT_LC = Trouble(
    1804110, "AAC_NOT_LC",
    "the sound is not plain AAC-LC (HE-AAC or another kind): some players play it dull, at the wrong pace, or not at all",
    "音频不是 AAC-LC（而是 HE-AAC 等），部分播放器会音质受损、速度错误或无声",
    "Encode AAC-LC: OBS: 96 kbit/s or more; ffmpeg: `-c:a aac` without a profile.",
    "使用 AAC-LC：OBS 音频码率设为 96 kbit/s 以上；ffmpeg 使用 `-c:a aac`，不要指定 profile。",
)  # fmt: skip
AAC_RATE_UNUSUAL = Trouble(
    1804111, "AAC_RATE_UNUSUAL",
    "the sampling rate is none that all players and transcoders treat well",
    "采样率不常用，部分播放器或转码会有问题",
    "Use 48 kHz, or 16, 32 or 44.1: live-pusher: `audio-quality` high is 48 kHz; OBS: Sample Rate 48 kHz; ffmpeg: `-ar 48000`.",
    "使用 48 kHz（或 16、32、44.1 kHz）：live-pusher 的 `audio-quality` 设为 high 即 48 kHz；OBS 采样率选 48 kHz；"
    "ffmpeg 使用 `-ar 48000`。",
)  # fmt: skip
AAC_CHANNELS = Trouble(
    1804112, "AAC_CHANNELS",
    "there are more than two channels of sound: phones and browsers play two at most",
    "声道数超过两个，手机和浏览器最多播放双声道",
    "Send one channel or two: OBS: Channels Stereo; ffmpeg: `-ac 1`.",
    "使用单声道或双声道：OBS 声道选立体声；ffmpeg 使用 `-ac 1`。",
)  # fmt: skip
HEADERS_MISSING = Trouble(
    1804113, "HEADERS_MISSING",
    "pictures came before the decoder configuration (SPS and PPS) that they need, and could not be decoded",
    "解码参数（SPS、PPS）之前就收到了画面，这些画面无法解码",
    "Send the H.264 sequence header first on each connection, and after it a keyframe.",
    "每次连接都要先发送 H.264 序列头，再发送关键帧。",
)  # fmt: skip
HEADERS_UNSTEADY = Trouble(
    1804114, "HEADERS_UNSTEADY",
    "the decoder configuration changes again and again: players flicker or start anew each time",
    "解码参数反复变化，播放器每次都会闪烁或重新初始化",
    "Keep the resolution and the encoder's settings; live-pusher: fix `orientation`, and a narrow range from `min-bitrate` to "
    "`max-bitrate`.",
    "固定分辨率和编码参数；live-pusher 固定 `orientation`，并缩小 `min-bitrate` 与 `max-bitrate` 的范围。",
)  # fmt: skip
NO_SOUND_CONFIG = Trouble(
    1804115, "NO_SOUND_CONFIG",
    "sound came without or before the AudioSpecificConfig that it needs, and could not be decoded",
    "缺少 AudioSpecificConfig 或晚于音频数据，这些声音无法解码",
    "Send the AAC sequence header first on each connection.",
    "每次连接都要先发送 AAC 序列头。",
)  # fmt: skip
CLOCK_JUMPS = Trouble(
    1804116, "CLOCK_JUMPS",
    "the timestamps jump or run backwards: sound and picture stumble there",
    "时间戳跳变或倒退，音画会在该处卡顿",
    "Stamp with one clock that never runs backwards, in decoding order; do not loop or join files without new stamps "
    "(ffmpeg: `-fflags +genpts`).",
    "使用单一且不倒退的时钟，按解码顺序打时间戳；循环或拼接文件时要重新生成时间戳（ffmpeg：`-fflags +genpts`）。",
)  # fmt: skip
CLOCK_SLOW_OR_FAST = Trouble(
    1804117, "CLOCK_SLOW_OR_FAST",
    "the timestamps run slower or faster than time does: players run dry or fall behind",
    "时间戳比真实时间快或慢，播放器会逐渐卡顿或积累延迟",
    "Stamp from the device's clock or from the samples counted, in milliseconds; check the time base of the encoder.",
    "按设备时钟或采样数生成毫秒时间戳，并检查编码器的时间基。",
)  # fmt: skip
SENT_TOO_FAST = Trouble(
    1804118, "SENT_TOO_FAST",
    "the media come faster than they are played: a file, sent as fast as the network takes it",
    "发送速度快于播放速度：文件未按实时速度推送",
    "Send in real time: ffmpeg: `-re` before `-i`.",
    "按实时速度推流：ffmpeg 在 `-i` 之前加 `-re`。",
)  # fmt: skip
AV_OFFSET = Trouble(
    1804119, "AV_OFFSET",
    "sound and picture of the same time come more than half a second apart: players wait for the later one, or play them apart",
    "同一时刻的音频与视频到达相差超过半秒，播放器需要等待或音画不同步",
    "Stamp both from one clock and send them interleaved; OBS: Sync Offset 0, no look-ahead; ffmpeg: one input, or "
    "`-use_wallclock_as_timestamps 1` for each.",
    "音视频使用同一时钟并交错发送；OBS 同步偏移设为 0，关闭前瞻（look-ahead）；ffmpeg 使用同一输入，"
    "或对每个输入加 `-use_wallclock_as_timestamps 1`。",
)  # fmt: skip
VIDEO_PROMISED_MISSING = Trouble(
    1804120, "VIDEO_PROMISED_MISSING",
    "video was announced, and none came",
    "已声明视频，但没有收到",
    "Announce what is sent (`publish` with `media: [\"audio\"]`) or tell with `mute` that it is off; otherwise look "
    "at the camera, "
    "its permission, and live-pusher's `enable-camera`.",
    "按实际内容声明（`publish` 的 `media: [\"audio\"]`），或用 `mute` 告知已关闭；否则检查摄像头、授权以及 "
    "live-pusher 的 `enable-camera`。",
)  # fmt: skip
AUDIO_PROMISED_MISSING = Trouble(
    1804121, "AUDIO_PROMISED_MISSING",
    "sound was announced, and none came",
    "已声明音频，但没有收到",
    "Announce what is sent (`publish` with `media: [\"video\"]`) or tell with `mute` that it is off; otherwise look "
    "at the microphone, "
    "its permission, and live-pusher's `enable-mic`.",
    "按实际内容声明（`publish` 的 `media: [\"video\"]`），或用 `mute` 告知已关闭；否则检查麦克风、授权以及 "
    "live-pusher 的 `enable-mic`。",
)  # fmt: skip
VIDEO_NOT_H264 = Trouble(
    1804122, "VIDEO_NOT_H264",
    "the video is not H.264: for mini-programs and most apps it has to be encoded again",
    "视频不是 H.264，小程序等观众端需要重新编码",
    "Publish H.264: browsers: put it first with `setCodecPreferences`.",
    "使用 H.264 推流：浏览器通过 `setCodecPreferences` 优先选择 H.264。",
)  # fmt: skip

TROUBLES: tuple[Trouble, ...] = tuple(value for value in dict(globals()).values() if isinstance(value, Trouble))
"""The whole table, in the order in which it is written here."""
