#!/bin/sh
# Sees to it that there is a Chromium for the tests of the page, where that needs nobody's leave.
# It is the system's own, because Playwright's would be one more download from one more place.

for name in chromium chromium-browser google-chrome; do
    command -v "$name" >/dev/null && exit 0
done
if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq >&2 && apt-get install -qq -y --no-install-recommends chromium >&2 && exit 0
fi
echo "No Chromium was found, so the tests that drive a browser will be skipped." >&2
