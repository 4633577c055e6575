"""What a page says to a stranger who reads English."""

import importlib
import os
import sys

app = importlib.import_module(sys.argv[1]).create_app()
print(app.test_client().get(os.environ["SHOW"], headers={"Accept-Language": "en"}).text)
