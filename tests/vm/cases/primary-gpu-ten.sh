# shellcheck shell=bash source=30-primary-gpu.sh
# By name only: what 30-primary-gpu does, ten times.
# limit: 1200
cycles=10
. ./cases/30-primary-gpu.sh
