#!/bin/sh
# clips.sh [DIR [SIZE-FPS ...]]: the clips that the bench and the tests publish, made where they do not exist yet.
# SIZE-FPS: FLV of 60 s, H.264 constrained baseline without B-frames, GOP 2 s, 600 kbit/s, AAC-LC 48 kHz mono 64 kbit/s.
# opus: Ogg of 60 s, Opus 48 kHz stereo 64 kbit/s, one packet of 20 ms per page, which is what WHIP publishers send as sound.
set -e
dir=${1:-.tools/clips}
[ $# -gt 0 ] && shift
[ $# -gt 0 ] || set -- 640x480-15 640x480-30 360x640-15 360x640-30
mkdir -p "$dir"
quiet="-hide_banner -loglevel error -nostdin -y"
for spec in "$@"; do
  if [ "$spec" = opus ]; then
    out=$dir/opus.ogg; part=$dir/.opus.$$.ogg
    [ -f "$out" ] && continue
    # shellcheck disable=SC2086  # a list of options
    ffmpeg $quiet -f lavfi -i "sine=f=440:r=48000" -t 60 -c:a libopus -b:a 64k -ac 2 -page_duration 20000 "$part"
    mv "$part" "$out"
    continue
  fi
  size=${spec%-*}; fps=${spec##*-}; gop=$((fps * 2)); out=$dir/$spec.flv; part=$dir/.$spec.$$.flv
  [ -f "$out" ] && continue
  # shellcheck disable=SC2086  # a list of options
  ffmpeg $quiet -f lavfi -i "testsrc2=s=$size:r=$fps" -f lavfi -i "sine=f=440:r=48000" -t 60 \
    -c:v libx264 -profile:v baseline -preset veryfast -tune zerolatency -pix_fmt yuv420p -bf 0 -g "$gop" -keyint_min "$gop" \
    -sc_threshold 0 -b:v 600k -maxrate 600k -bufsize 600k -x264-params "sliced-threads=0:threads=1" \
    -c:a aac -b:a 64k -ar 48000 -ac 1 -f flv "$part"
  mv "$part" "$out"
done
