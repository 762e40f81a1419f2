#!/usr/bin/env bash
# Debian's Python comes without venv. As root on Debian: install it. Elsewhere: say what to do, and stop.
set -euo pipefail
if [ "$(id -u)" = 0 ] && [ -e /etc/debian_version ] && command -v apt-get >/dev/null; then
  echo "setup: apt-get install python3-venv"
  apt-get -o DPkg::Lock::Timeout=600 -qq update >/dev/null
  DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 -qq -y --no-install-recommends install python3-venv >/dev/null
else
  echo "Python's venv module is missing; on Debian: apt-get install python3-venv" >&2
  exit 2
fi
