# shellcheck shell=bash
# The Debian packages hapair needs, in one place: vagrant/lab, vagrant/provision-* and tests/run
# read it. Source it, then call install_packages with the lists you need.

# To build and install the two daemons and the operator's command.
# shellcheck disable=SC2034  # the lists are for whoever sources this file
build_packages=(
  cmake ninja-build g++ pkg-config
  libuv1-dev libnl-3-dev libnl-route-3-dev libssl-dev libtoml11-dev libfmt-dev libexpected-dev
  libre2-dev libnftables-dev libcurl4-openssl-dev
  libgtest-dev libgmock-dev
)

# What the lab's hosts run besides hapair.
# shellcheck disable=SC2034
lab_packages=(apache2 rsyslog psmisc procps curl w3m iproute2 util-linux nftables python3)

# Debian's own pair, for LAB_STACK=incumbent.
# shellcheck disable=SC2034
incumbent_packages=(haproxy keepalived)

# What the tests use besides all of the above.
# shellcheck disable=SC2034
test_packages=(
  python3-pytest python3-websockets python3-pytest-xdist python3-pil tshark chromium shellcheck vagrant systemd wrk strace
  valgrind jq ccache clang clang-format git socat php-fpm
  hatop python3-pyte
  openssl redis-server mariadb-server-core postgresql-15 slapd python3-aiosmtpd
  frr
)

# install_packages PACKAGE…: installs those that are missing, and only those. A second call with
# nothing missing does not reach the network.
#
# Daemons as apache2, haproxy and redis would start themselves when installed, in the machine's own
# network, where nobody asked for them. So nothing is started while we install (a policy-rc.d of
# ours, unless the machine has one), and where systemd would start them at the next boot, they are
# disabled: but only what was installed here, never what somebody had before.
install_packages() {
  local package missing=() policy=/usr/sbin/policy-rc.d ours=false status=0
  for package in "$@"; do
    [[ $(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null) == installed ]] ||
      missing+=("$package")
  done
  ((${#missing[@]})) || return 0

  echo "installing ${missing[*]}" >&2
  if [[ ! -e $policy ]]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    ours=true
  fi
  {
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq &&
      apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
  } || status=$?
  if $ours; then rm -f "$policy"; fi
  if ((status)); then
    echo "apt-get could not install ${missing[*]}" >&2
    return "$status"
  fi

  if [[ -d /run/systemd/system ]]; then
    for package in "${missing[@]}"; do
      case $package in
        apache2 | frr | haproxy | keepalived | redis-server | slapd) systemctl disable --quiet --now "$package" || true ;;
        postgresql-15) systemctl disable --quiet --now postgresql || true ;;
      esac
    done
  fi
}
