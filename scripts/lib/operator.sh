# Sourced: the command `runawaytrain`, built where it is not.
# shellcheck shell=bash

# operator: sets OPERATOR. Built for the whole workspace, as the tests are: with its package alone cargo would unify features differently
# and compile the SDK a second time.
operator() {
  OPERATOR="${RUNAWAYTRAIN_OPERATOR:-$CARGO_TARGET_DIR/debug/runawaytrain}"
  [[ -z "${RUNAWAYTRAIN_OPERATOR:-}" ]] || return 0
  local log="$BUILD/logs/operator.log"
  mkdir -p "$BUILD/logs"
  [[ -x "$OPERATOR" ]] || say "building the command (about five minutes on two cores, the first time)"
  (cd "$ROOT" && attend logged "$log" cargo build --locked --workspace --bin runawaytrain) || {
    tail -n 15 "$log" >&2
    die "the command runawaytrain could not be built. The whole log: $log"
  }
}
