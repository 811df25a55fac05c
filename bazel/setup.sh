# What ./run and ./test share: installing Debian packages and calling Bazel. Sourced by bash with the
# repository's root as the current folder.

say() { printf '%s\n' "== $*" >&2; }

die() {
  printf '%s\n' "$*" >&2
  exit 1
}

# Bazel and its disk cache need a home to write to.
if [ -z "${HOME:-}" ] || [ ! -w "${HOME:-}" ]; then
  export HOME="${TMPDIR:-/tmp}/spillway-home-$(id -u)"
  mkdir -p "$HOME"
fi

# Prints the packages of the given lists that are not installed.
missing_packages() {
  local installed
  installed=$(dpkg-query -W -f='${db:Status-Abbrev} ${Package}\n' 2>/dev/null |
    sed -n 's/^ii  *//p' | sort -u)
  cat "$@" | sed 's/#.*//; s/[[:space:]]//g; /^$/d' | sort -u |
    comm -23 - <(printf '%s\n' "$installed")
}

# Runs its arguments as root, or says why that cannot be.
as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null 2>&1; then
    sudo "$@"
  else
    return 126
  fi
}

# Runs apt-get install with a policy that keeps servers (nginx, prometheus ...) from starting on
# this machine just because they were installed. A policy that is there already is left alone.
apt_install() {
  as_root env DEBIAN_FRONTEND=noninteractive bash -c '
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
      printf "#!/bin/sh\nexit 101\n" >"$policy" && chmod 755 "$policy"
      trap "rm -f $policy" EXIT
    fi
    apt-get install -y -qq --no-install-recommends -o Dpkg::Use-Pty=0 \
      -o DPkg::Lock::Timeout=300 "$@"
  ' apt_install "$@"
}

# Installs what the given package lists name and the machine lacks; does nothing otherwise.
install_packages() {
  local missing log
  command -v dpkg-query >/dev/null 2>&1 ||
    die "This needs Debian 12 (dpkg-query is missing). Packages: $(cat "$@" | tr '\n' ' ')"
  mapfile -t missing < <(missing_packages "$@")
  [ "${#missing[@]}" -gt 0 ] || return 0
  if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null 2>&1; then
    die "Packages are missing and neither root nor sudo is there to install them. As root:
  apt-get install --no-install-recommends ${missing[*]}"
  fi
  say "installing ${#missing[@]} packages (the first time takes minutes): ${missing[*]}"
  # The password is asked for here, while the terminal is still the person's.
  [ "$(id -u)" = 0 ] || sudo -v || die "sudo did not work; install the packages above as root."
  log=$(mktemp)
  if ! { as_root apt-get update -qq -o DPkg::Lock::Timeout=300 &&
    apt_install "${missing[@]}"; } >"$log" 2>&1; then
    tail -n 30 "$log" >&2
    rm -f "$log"
    die "Installing failed (see above). As root:
  apt-get update && apt-get install --no-install-recommends ${missing[*]}"
  fi
  rm -f "$log"
}

# bazel_run COMMAND ARGS...: Bazel with progress a person can follow and little else.
bazel_run() {
  local command=$1
  shift
  local flags=()
  # What a failed test printed counts as information; a build has nothing to say at that level.
  [ "$command" = test ] || flags+=(--ui_event_filters=-info)
  # Away from a terminal each progress update is a line: one every 20 seconds is enough.
  [ -t 2 ] || flags+=(--show_progress_rate_limit=20)
  bazel "$command" "${flags[@]}" "$@"
}

# A Bazel server outlives its command; on a CI machine nothing may stay behind.
bazel_end() {
  [ "${CI:-}" != true ] || bazel shutdown >/dev/null 2>&1 || true
}
