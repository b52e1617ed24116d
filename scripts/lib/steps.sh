# Sourced, after env.sh: what takes time, with a log of it that is shown only where it fails.
# shellcheck shell=bash

# logs_of SCRIPT: sets LOGS to a new folder. Those of the last five runs are kept.
logs_of() {
  LOGS="$BUILD/logs/$1-$(date +%Y%m%d-%H%M%S)-$$"
  mkdir -p "$LOGS"
  find "$BUILD/logs" -maxdepth 1 -name "$1-*" | sort -r | tail -n +6 | while IFS= read -r old; do rm -rf "$old"; done
}

# step WHAT LOG TODO COMMAND…: its output goes to the log in LOGS.
step() {
  local began=$SECONDS
  say "  … $1"
  quietly "$LOGS/$2" "✗ $1: it failed, see above. What to do: $3" "${@:4}"
  say "${GREEN}✓${PLAIN} $1 ${DIM}($((SECONDS - began)) s)${PLAIN}"
}
