# Sourced, after env.sh: servers that a script starts for its own time.
# shellcheck shell=bash

# A stage runs in a shell of its own, and whoever attends it ends its servers: the file SERVERS has a line for each process group.

# start_server LOG [NAME=VALUE…] COMMAND…: in the background, leading a process group of its own, so that its children end with it.
start_server() {
  set -m
  env "${@:2}" >"$1" 2>&1 </dev/null &
  set +m
  printf '%s\n' "$!" >>"$SERVERS"
}

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# wait_for URL SECONDS: until it answers, whatever it answers.
wait_for() {
  python3 - "$1" "$2" <<'PYTHON'
import sys, time, urllib.error, urllib.request

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
  local group
  while read -r group; do end_group "$group" 5; done <"$SERVERS"
  : >"$SERVERS"
}
