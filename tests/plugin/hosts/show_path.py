"""From where this process imports."""

import sys
from importlib.util import find_spec

print(*sys.path, sep="\n")
print(
    "no tests, no app" if find_spec("tests") is None and find_spec("app") is None else "the checkout is here"
)
