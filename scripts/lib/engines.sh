# Sourced, after env.sh: a venv of its own for the query engines and the report generator that cost reports are tested and measured with.
# shellcheck shell=bash

# 500 MB that only two commands use: scripts/setup leaves them out.
ENGINES="${ENGINES:-$TOOLS/engines}"

install_engines() {
  python3 -m venv "$ENGINES" &&
    "$ENGINES/bin/python" -m pip install --quiet \
      --requirement "$ROOT/scripts/requirements-engines.txt" --constraint "$ROOT/scripts/constraints-engines.txt"
}

# engines: installs them, once a set of pins.
engines() {
  local stamp log="$ENGINES.log"
  stamp="$(cat "$ROOT/scripts/requirements-engines.txt" "$ROOT/scripts/constraints-engines.txt" | cksum)"
  [[ ! -x "$ENGINES/bin/python" || "$(cat "$ENGINES/.stamp" 2>/dev/null)" != "$stamp" ]] || return 0
  say "installing DuckDB, Polars and koku-nise into ${ENGINES#"$ROOT/"} (about a minute, 500 MB)"
  rm -rf "$ENGINES"
  mkdir -p "$(dirname "$ENGINES")"
  quietly "$log" "the query engines could not be installed. Is the Python package index reached?" install_engines
  printf '%s' "$stamp" >"$ENGINES/.stamp"
}
