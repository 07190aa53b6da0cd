#!/bin/sh
# Runs the tests of experiments/ with pytest: run.sh SOURCE_DIRECTORY. Exit code 77 means SKIP.
python=$1/.venv/bin/python
if [ ! -x "$python" ]; then
  echo "SKIP: there is no $python; make experiments makes it"
  exit 77
fi
exec "$python" -m pytest -q -p no:cacheprovider "$1/tests/experiments"
