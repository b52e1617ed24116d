# Sourced, after operator.sh and steps.sh: what the steps of a deployment need of the command and of the CDK. From the
# script's own arguments they read `common`, `policy`, `function` and `arch`.
# shellcheck shell=bash disable=SC2034,SC2154 # what is the script's own

# ask COMMAND…: of the command `runawaytrain`, which itself says what an interruption leaves. Its exit code.
ask() {
  local begun="$BEGUN" code=0
  BEGUN=''
  converse "$OPERATOR" "$@" "${common[@]}" --begun "$begun" || code=$?
  ((code < 128)) || exit "$code"
  BEGUN="$begun"
  return "$code"
}

# look OPTION…: sets `found` to 0 when all is there, to 3 when nothing but the CDK's bootstrap is missing.
look() {
  found=0
  ask doctor --before "$@" || found=$?
  BEGUN='nothing was deployed; what was switched on stays on; run scripts/deploy again'
}

# cdk WHAT LOG COMMAND…
cdk() {
  step "$1" "$2" "the CDK or CloudFormation says above what; CloudFormation's console shows each event of the stack." \
    as_looked_at node_modules/.bin/cdk "${@:3}" --ci --no-notices -c "policy=$policy" -c "arch=$arch" \
    --output "$LOGS/cdk.out" ${function:+-c "bootstrap=$function"}
}

# as_looked_at COMMAND…: in infra/, as the very identity that was looked at.
as_looked_at() {
  local credentials variable
  # Bash heeds no errexit within a step, and without these the CDK would be whoever is the default.
  credentials="$("$OPERATOR" credentials "${common[@]}")" || return
  unset AWS_PROFILE AWS_DEFAULT_PROFILE AWS_ROLE_ARN AWS_WEB_IDENTITY_TOKEN_FILE AWS_SESSION_TOKEN
  while IFS= read -r variable; do export "${variable?}"; done <<<"$credentials"
  # Node's own notices about versions to come would stand amid what changes.
  export AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1 NODE_NO_WARNINGS=1 NO_COLOR=1
  cd "$ROOT/infra" || return
  "$@"
}
