#!/bin/sh
# SPDX-License-Identifier: MIT
# Run one fuzz target for some seconds: fuzz.sh PROGRAM SECONDS
#
# It starts from the seeds in tests/fuzz/corpus/NAME, if there are any, and from what earlier runs
# found interesting. An input that fails is left beside the program, to be run again by hand.
set -eu

name=$(basename "$1")
corpus=$(dirname "$1")/corpus/$name
seeds=tests/fuzz/corpus/$name
mkdir -p "$corpus"
[ -d "$seeds" ] || seeds=
# shellcheck disable=SC2086  # one word or none
exec "$1" -max_total_time="$2" -timeout=100 -rss_limit_mb=2048 -verbosity=1 -print_final_stats=1 \
	-artifact_prefix="$1-" "$corpus" $seeds
