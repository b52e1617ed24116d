# Sourced: how a script ends when it is told to, at a terminal and in the background, and with it whatever it started.
# shellcheck shell=bash

# While a command runs in the foreground, bash heeds no signal that it was told to heed until that command is over; and without such
# an order it dies alone and leaves the command running. So whatever takes time is a job, in a process group of its own, and is waited for.
GROUP=''
# A command in our own group that talks with whoever is at the terminal.
TALKING=''
# The signal's number, once we are told to end.
TOLD=''

# listen COMMAND: from here on a signal to end runs `COMMAND` and ends the script with 128 and the signal's number.
listen() {
  # shellcheck disable=SC2064 # it is known now
  trap "$1" EXIT
  trap 'TOLD=2; exit 130' INT
  trap 'TOLD=15; exit 143' TERM
  trap 'TOLD=1; exit 129' HUP
}

# listen_no_more: for clearing up: an impatient second signal would leave processes behind.
listen_no_more() {
  trap - EXIT
  trap '' INT TERM HUP
}

# attend COMMAND…: runs it to its end; its input is empty. Whoever attends us ends our group, and then no other is made.
attend() {
  local code=0
  if [[ -n "${RUNAWAYTRAIN_ATTENDED:-}" ]]; then
    "$@" </dev/null
    return
  fi
  set -m
  RUNAWAYTRAIN_ATTENDED=yes attended "$@" </dev/null &
  GROUP=$!
  set +m
  wait "$GROUP" || code=$?
  GROUP=''
  return "$code"
}

# converse COMMAND…: like attend, but with our input, and in our group: only the foreground's may read from a terminal.
converse() {
  local code=0
  "$@" <&0 &
  TALKING=$!
  wait "$TALKING" || code=$?
  TALKING=''
  return "$code"
}

attended() {
  export RUNAWAYTRAIN_ATTENDED
  "$@"
}

# logged LOG COMMAND…: what it says goes to the log.
logged() { "${@:2}" >"$1" 2>&1; }

# quietly LOG SENTENCE COMMAND…: what it says goes to the log. Where it fails, its last words and the sentence are told, and the script ends.
quietly() {
  attend logged "$1" "${@:3}" || {
    tail -n 15 "$1" >&2
    die "$2 The whole log: $1"
  }
}

# end_group GROUP SECONDS: politely, and after so many seconds not.
end_group() {
  local tries
  kill -TERM -- "-$1" 2>/dev/null || return 0
  for ((tries = $2 * 10; tries > 0; tries--)); do
    kill -0 -- "-$1" 2>/dev/null || return 0
    sleep 0.1
  done
  kill -KILL -- "-$1" 2>/dev/null || true
}

# end_attended SECONDS: the command that is attended or talked with, if any.
end_attended() {
  [[ -z "$GROUP" ]] || end_group "$GROUP" "$1"
  [[ -z "$TALKING" ]] || end_one "$TALKING" "$1"
  GROUP='' TALKING=''
}

# end_one PID SECONDS: politely, and after so many seconds not.
end_one() {
  local tries
  kill -TERM "$1" 2>/dev/null || return 0
  for ((tries = $2 * 10; tries > 0; tries--)); do
    kill -0 "$1" 2>/dev/null || return 0
    sleep 0.1
  done
  kill -KILL "$1" 2>/dev/null || true
}

# leave SENTENCE: for `listen`, where nothing else is to be cleared up. The sentence, if any, is said of an interruption.
leave() {
  local code=$?
  listen_no_more
  end_attended 10
  [[ -z "$TOLD" || -z "$1" ]] || printf '\n%s\n' "interrupted; $1"
  exit "$code"
}
