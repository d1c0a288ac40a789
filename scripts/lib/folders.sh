# Sourced by the scripts: where builds are and where the programs are.
#   checkout  the folder of this tree
#   scratch   the folder of the release build: .build, or in CANDLEWICK_BUILD_CACHE
#   bin       the folder of the programs: CANDLEWICK_BIN, else that of the release build
checkout="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
scratch="${CANDLEWICK_BUILD_CACHE:+$CANDLEWICK_BUILD_CACHE/release}"
scratch="${scratch:-$checkout/.build}"
bin="${CANDLEWICK_BIN:-$scratch/release}"
# What the Python of these scripts shares.
export PYTHONPATH="$checkout/scripts/lib:$checkout/python" PYTHONDONTWRITEBYTECODE=1
