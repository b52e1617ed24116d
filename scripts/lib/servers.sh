# Sourced: servers that a script starts for its own time.
# shellcheck shell=bash

SERVER_GROUPS=()

# start_server LOG [NAME=VALUE…] COMMAND…: in the background, leading a process group of its own, so that its children end with it.
start_server() {
  local log="$1"
  shift
  env "$@" >"$log" 2>&1 </dev/null &
  SERVER_GROUPS+=("$!")
}

# A command that becomes the leader of a new session; macOS has no `setsid`.
IN_OWN_GROUP=(python3 -c 'import os, sys; os.setsid(); os.execvp(sys.argv[1], sys.argv[1:])')
export IN_OWN_GROUP

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# wait_for URL SECONDS: until it answers, whatever it answers.
wait_for() {
  python3 - "$1" "$2" <<'PYTHON'
import signal, sys, time, urllib.error, urllib.request

signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C needs no traceback
url, until = sys.argv[1], time.monotonic() + float(sys.argv[2])
while True:
    try:
        urllib.request.urlopen(url, timeout=2)
        break
    except urllib.error.HTTPError:
        break
    except OSError:
        if time.monotonic() > until:
            sys.exit(1)
        time.sleep(0.1)
PYTHON
}

stop_servers() {
  local group tries
  for group in ${SERVER_GROUPS[@]+"${SERVER_GROUPS[@]}"}; do
    kill -TERM -- "-$group" 2>/dev/null || continue
    for tries in {1..50}; do
      kill -0 -- "-$group" 2>/dev/null || break
      sleep 0.1
    done
    [[ "$tries" -lt 50 ]] || kill -KILL -- "-$group" 2>/dev/null || true
  done
  SERVER_GROUPS=()
}
