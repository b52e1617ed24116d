# Sourced by every script: where things are, what the build tools read, how to talk and how to end.
# shellcheck shell=bash source-path=SCRIPTDIR

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
TOOLS="$ROOT/.tools"
VENV="$TOOLS/venv"
BUILD="$ROOT/.build"

# Outside of the checkout, so that a fresh clone reuses what an older one compiled.
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/runawaytrain/target}"

# cargo-lambda and the zig that it links with come from the venv: cargo-lambda asks `python3 -m ziglang`.
export PATH="$VENV/bin:$PATH"

# Quiet tools: no version checks, notices, telemetry or funding lines, which need a network or clutter a log.
export CDK_DISABLE_VERSION_CHECK=1 CDK_DISABLE_CLI_TELEMETRY=true
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
export npm_config_audit=false npm_config_fund=false npm_config_update_notifier=false

export ROOT TOOLS VENV BUILD

# shellcheck source=say.sh
source "$ROOT/scripts/lib/say.sh"
# shellcheck source=attend.sh
source "$ROOT/scripts/lib/attend.sh"
