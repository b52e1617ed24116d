# Sourced: the command `runawaytrain`, built where it is not.
# shellcheck shell=bash

# operator: sets OPERATOR. Built for the whole workspace, as the tests are: with its package alone cargo would unify features differently
# and compile the SDK a second time.
operator() {
  OPERATOR="${RUNAWAYTRAIN_OPERATOR:-$CARGO_TARGET_DIR/debug/runawaytrain}"
  [[ -z "${RUNAWAYTRAIN_OPERATOR:-}" ]] || return 0
  local log="$BUILD/logs/operator.log"
  mkdir -p "$BUILD/logs"
  if [[ ! -x "$OPERATOR" ]]; then
    say "building the command (about ten minutes on two cores, the first time)"
  elif [[ -n "$(find "$ROOT/Cargo.lock" "$ROOT/lambda/operator" "$ROOT/lambda/core" -newer "$OPERATOR" -type f -print -quit)" ]]; then
    say "building the command anew, since its sources have changed"
  fi
  quietly "$log" "the command runawaytrain could not be built." \
    cargo build --locked --workspace --bin runawaytrain --manifest-path "$ROOT/Cargo.toml"
}
